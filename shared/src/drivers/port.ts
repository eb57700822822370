/**
 * What drivers share: how one container hangs on a bridge or on a parent, and what is kept in its sandbox.
 *
 * Invariants
 * - Before Docker takes it, a container's interface is in the host's netns under its generated name.
 * - While Docker moves it (`in-flight`) nothing of it is made, altered or removed.
 * - In a sandbox only that one interface, its addresses and its routes are kept.
 */
import {
  EMPTY_HOST_STATE,
  type HostState,
  type IpvlanFlag,
  type IpvlanMode,
  type Link,
  type LinkRef,
  type MacvlanMode,
  mergeHostStates,
} from '../host-state/host-state.ts'
import type { NetworkSpec } from '../intent/entry.ts'
import { deriveMac, FABRIC_NETNS, interfaceName } from '../names.ts'
import type { DriverHost, LocalEndpoint } from './driver.ts'
import { type GuardedLink, guardName, guardTable } from './guard.ts'
import { shimTable } from './shim-table.ts'

/** The container's interface, wherever it is now, with the attributes that every driver wants of it. */
interface ContainerEnd {
  readonly netns: string
  readonly name: string
  readonly mac: string
  readonly mtu: number
  readonly alias: string
  readonly presence: 'required' | 'tolerated'
  /** Docker brings it up when it has moved it. */
  readonly up?: true
  /** Of what is Weft's own; Docker, or the container, decides for a container's. */
  readonly ipv6?: boolean
  readonly forwarding?: boolean
  readonly strictArp?: true
}

function containerEnd(network: NetworkSpec, endpoint: LocalEndpoint, mtu: number): ContainerEnd {
  const about = { mac: endpoint.mac, mtu, alias: endpointAlias(network, endpoint) }
  switch (endpoint.attachment.phase) {
    case 'new':
      return { ...endpoint.attachment.link, ...about, presence: 'required' }
    case 'in-flight':
      return { netns: '', name: interfaceName('container', endpoint.uid), ...about, presence: 'tolerated' }
    case 'sandbox': {
      const { ipv6 } = endpoint
      const own = ipv6 === undefined ? {} : { ipv6 }
      return { ...endpoint.attachment.link, ...about, ...own, presence: 'required', up: true }
    }
    case 'placed': {
      const ipv6 = endpoint.addresses.some((address) => address.includes(':'))
      // A host that routes (Docker makes it) would otherwise carry containers' frames on to wherever it has routes.
      const forwarding = endpoint.attachment.role === 'router' || endpoint.forwards === true
      const own = { ipv6, forwarding, strictArp: true } as const
      return { ...endpoint.attachment.link, ...about, ...own, presence: 'required', up: true }
    }
  }
}

/** Addresses and routes of an endpoint whose interface is Weft's own, or has been seen in its sandbox; nothing before that. */
function sandboxState(endpoint: LocalEndpoint): HostState {
  const { phase } = endpoint.attachment
  if (phase !== 'sandbox' && phase !== 'placed') return EMPTY_HOST_STATE
  const { netns, name: link } = endpoint.attachment.link
  return {
    ...EMPTY_HOST_STATE,
    addresses: endpoint.addresses.map((address) => ({ netns, link, address })),
    nftTables: isShim(endpoint) ? [shimTable(link, bare(endpoint))] : [],
    routes: [
      ...endpoint.gateways.map((via) => ({ netns, link, destination: defaultRouteFor(via), via })),
      ...(endpoint.deviceRoutes ?? []).map((destination) => ({ netns, link, destination })),
      ...(endpoint.routes ?? []).map((route) => ({ netns, link, ...route })),
      ...(endpoint.withdrawn ?? []).map((route) => ({ netns, link, ...route, withdrawn: true as const })),
    ],
  }
}

function isShim({ attachment }: LocalEndpoint): boolean {
  return attachment.phase === 'placed' && attachment.role === 'shim'
}

/** Destinations of default routes by device, one for each family of the addresses. */
export function deviceRoutes(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map(defaultRouteFor))].sort()
}

/** Where the default route of the address’s family leads. */
export function defaultRouteFor(address: string): string {
  return address.includes(':') ? '::/0' : '0.0.0.0/0'
}

/** What the network's options say about its containers among each other, as every driver wants it. */
export interface PortRules {
  /** They may send as themselves only (guard.ts). */
  readonly guarded: boolean
  /** They do not reach each other: isolated ports, private mode. */
  readonly parted: boolean
}

/**
 * The guard of an interface without a host end stands in its sandbox: for sure from when it is seen there. One that awaits
 * it is let be.
 */
function sandboxGuard(endpoint: LocalEndpoint, mac: string | undefined, sharesMac: boolean): HostState {
  const { attachment } = endpoint
  if (attachment.phase === 'in-flight' && attachment.sandbox !== undefined) {
    const ahead = { netns: attachment.sandbox, family: 'netdev', name: guardName(endpoint.uid) } as const
    return { ...EMPTY_HOST_STATE, nftTables: [{ ...ahead, sets: [], chains: [], presence: 'tolerated' }] }
  }
  if (attachment.phase !== 'sandbox') return EMPTY_HOST_STATE
  const link = { ...attachment.link, at: 'egress', mac, sharesMac, addresses: bare(endpoint) } as const
  return { ...EMPTY_HOST_STATE, nftTables: [guardTable(endpoint.uid, link)] }
}

function bare({ addresses }: LocalEndpoint): string[] {
  return addresses.map((address) => address.split('/')[0] ?? address)
}

/** What the bridge of a network is called. */
export function bridgeName(uid: string): string {
  return interfaceName('bridge', uid)
}

/** The bridge of a network in the fabric. Snooping off: without a querier it would starve IPv6 neighbour discovery between containers. */
export function fabricBridge(network: NetworkSpec, { underlay }: DriverHost, mtu: number): Link {
  return {
    kind: 'bridge',
    netns: FABRIC_NETNS,
    name: bridgeName(network.uid),
    mac: deriveMac(`bridge/${network.uid}/${underlay.address}`),
    mtu,
    up: true,
    alias: network.name,
    multicastSnooping: false,
    presence: 'required',
  }
}

/**
 * A veth pair from a bridge in the fabric to the container. The port learns nothing and unknown unicast is not flooded
 * to it: what may go to it is the one static FDB entry.
 */
export function vethPort(
  network: NetworkSpec,
  endpoint: LocalEndpoint,
  wiring: PortRules & { readonly bridge: string; readonly mtu: number },
): HostState {
  const end = containerEnd(network, endpoint, wiring.mtu)
  // Of Weft's own: it speaks to all, and a router for others.
  const isPlaced = endpoint.attachment.phase === 'placed'
  const name = interfaceName('port', endpoint.uid)
  const port: Link = {
    kind: 'veth',
    netns: FABRIC_NETNS,
    name,
    mac: deriveMac(`port/${endpoint.uid}`),
    mtu: wiring.mtu,
    up: true,
    master: wiring.bridge,
    port: {
      learning: false,
      flood: false,
      multicastFlood: true,
      broadcastFlood: true,
      isolated: wiring.parted && !isPlaced,
    },
    alias: endpointAlias(network, endpoint),
    peer: { netns: end.netns, name: end.name },
    peerMac: endpoint.mac,
    presence: end.presence,
  }
  const guarded: GuardedLink = {
    ...{ netns: FABRIC_NETNS, name, at: 'ingress', sharesMac: false },
    ...{ mac: endpoint.mac, addresses: bare(endpoint) },
  } as const
  const local: HostState = {
    ...EMPTY_HOST_STATE,
    links: [port, { kind: 'veth', ...end }],
    fdb: [{ netns: FABRIC_NETNS, link: name, mac: endpoint.mac }],
    nftTables: wiring.guarded && !isPlaced ? [guardTable(endpoint.uid, guarded)] : [],
  }
  return mergeHostStates([local, sandboxState(endpoint)])
}

/** Where a child of a parent hangs. */
interface ChildWiring extends PortRules {
  readonly parent: LinkRef
  /** Undefined when it is not known. */
  readonly parentMac: string | undefined
  readonly mtu: number
}

/**
 * A macvlan child of `parent` as the container's interface. In passthru mode it shares the parent's MAC, and setting one
 * would set the parent's: none is desired.
 */
export function macvlanChild(
  network: NetworkSpec,
  endpoint: LocalEndpoint,
  wiring: ChildWiring & { readonly mode: MacvlanMode },
): HostState {
  const { parent, mtu } = wiring
  const mode = wiring.parted ? 'private' : wiring.mode
  const { mac, ...end } = containerEnd(network, endpoint, mtu)
  const isShared = mode === 'passthru'
  const child: Link = { kind: 'macvlan', ...end, ...(isShared ? {} : { mac }), parent, mode }
  const guard = wiring.guarded ? sandboxGuard(endpoint, isShared ? wiring.parentMac : mac, isShared) : EMPTY_HOST_STATE
  return mergeHostStates([{ ...EMPTY_HOST_STATE, links: [child] }, sandboxState(endpoint), guard])
}

/** The MTU asked for, or as much of it as this host carries; the agent reports the difference. */
export function fitMtu(wanted: number | undefined, available: number): number {
  return Math.min(wanted ?? available, available)
}

export function hasIpv6(network: NetworkSpec): boolean {
  return network.subnets.some(({ cidr }) => cidr.includes(':'))
}

/**
 * An ipvlan child of `parent` as the container’s interface. It has the parent’s MAC: none is desired.
 */
export function ipvlanChild(
  network: NetworkSpec,
  endpoint: LocalEndpoint,
  wiring: ChildWiring & { readonly mode: IpvlanMode; readonly flag: IpvlanFlag },
): HostState {
  const { parent, mode, mtu } = wiring
  const { mac: _, ...end } = containerEnd(network, endpoint, mtu)
  const flag = wiring.parted ? 'private' : wiring.flag
  const child: Link = { kind: 'ipvlan', ...end, parent, mode, flag }
  const guard = wiring.guarded ? sandboxGuard(endpoint, wiring.parentMac, true) : EMPTY_HOST_STATE
  return mergeHostStates([{ ...EMPTY_HOST_STATE, links: [child] }, sandboxState(endpoint), guard])
}

function endpointAlias(network: NetworkSpec, endpoint: LocalEndpoint): string {
  return `${network.name}/${endpoint.name ?? endpoint.uid}`
}
