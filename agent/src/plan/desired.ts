/**
 * What this host should hold: its intent, expanded by the drivers with the host's own facts and endpoints. Pure.
 *
 * Invariants
 * - One network's trouble is its own: it becomes a problem, the others go on.
 * - Where a network cannot be expanded, what exists of it on the host is held: neither altered nor removed.
 */
import {
  type Driver,
  type DriverHost,
  driverFor,
  EMPTY_HOST_STATE,
  type EndpointSpec,
  type EntryMap,
  FABRIC_NETNS,
  GATEWAY_TABLE,
  guardName,
  type HostProblem,
  type HostState,
  interfaceName,
  type Link,
  type LocalEndpoint,
  mergeHostStates,
  type NetworkSpec,
  type NftTableRef,
  parseOptions,
  partingName,
  type RemoteEndpoint,
  SHIM_TABLE,
  subInterfaceNames,
  VXLAN_TABLE,
  WeftError,
} from '@weft/shared'
import type { BridgeUse } from '../state/egress.ts'
import { type BridgeEnd, GATEWAY_BRIDGE_TABLE, gatewayBridgeState, leftBridgeState } from './gateway-bridge.ts'
import { type MayCarry, routerNamespaces, withPlaced } from './placed.ts'
import { publishedPorts, type TakenPort } from './publications.ts'
import { type NetworkState, uniteNetworks } from './unite.ts'

export interface DesiredInput {
  readonly entries: EntryMap
  /** This host's endpoints, by network uid. */
  readonly endpoints: ReadonlyMap<string, readonly LocalEndpoint[]>
  readonly hostId: string
  /** Its uplinks are completed by those of the intent. */
  readonly host: DriverHost
  /** Ports of the host's that somebody listens on, of those that lead to containers. */
  readonly taken?: readonly TakenPort[]
  /** Whether a router that the intent gives to this host may be carried; any by default. */
  readonly mayCarry?: MayCarry
  /** Sandboxes' interfaces on Docker's gateway bridge, and what they are for where that changed; none by default. */
  readonly bridges?: { readonly ends: readonly BridgeEnd[]; readonly uses: ReadonlyMap<string, BridgeUse> }
}

export interface Desired {
  readonly state: HostState
  readonly problems: HostProblem[]
}

export function desiredState(input: DesiredInput): Desired {
  const intent = sortEntries(input)
  const problems: HostProblem[] = []
  const states: NetworkState[] = []
  const held = { links: [] as Link[], nftTables: [] as NftTableRef[] }
  const mayCarry = input.mayCarry ?? (() => true)
  const all = withPlaced(input.entries, input.endpoints, input.hostId, mayCarry)
  for (const network of intent.networks) {
    const endpoints = all.get(network.uid) ?? []
    try {
      states.push({ network, state: expand(network, endpoints, intent, problems) })
    } catch (error) {
      problems.push(problemOf(error, network))
      held.links.push(...heldLinks(network.uid, endpoints), ...heldSubInterfaces(network, intent.host))
      held.nftTables.push(...heldTables(network.uid, endpoints))
    }
  }
  const known = new Set(intent.networks.map((network) => network.uid))
  for (const [uid, endpoints] of input.endpoints) {
    if (known.has(uid) || endpoints.length === 0) continue
    problems.push(unknownNetwork(uid, endpoints))
    held.links.push(...heldLinks(uid, endpoints))
    held.nftTables.push(...heldTables(uid, endpoints))
  }
  const united = uniteNetworks(states, held)
  const published = publishedPorts({ ...input, taken: input.taken ?? [], underlay: input.host.underlay })
  problems.push(...published.problems)
  for (const { network, error } of united.refused) problems.push(problemOf(error, network))
  const routers = { ...EMPTY_HOST_STATE, namespaces: routerNamespaces(input.entries, input.hostId, mayCarry) }
  const { ends, uses } = input.bridges ?? { ends: [], uses: new Map() }
  const bridges = leftBridgeState(ends, uses, input.host)
  return { state: mergeHostStates([united.state, routers, published.state, bridges]), problems }
}

interface Intent {
  readonly networks: readonly NetworkSpec[]
  readonly remote: ReadonlyMap<string, readonly EndpointSpec[]>
  readonly vteps: ReadonlyMap<string, string>
  readonly host: DriverHost
}

function sortEntries({ entries, hostId, host }: DesiredInput): Intent {
  const networks: NetworkSpec[] = []
  const remote = new Map<string, EndpointSpec[]>()
  const vteps = new Map<string, string>()
  const uplinks: Record<string, string> = { ...host.uplinks }
  for (const entry of entries.values()) {
    switch (entry.kind) {
      case 'network': {
        const { kind: _, ...network } = entry
        networks.push(network)
        break
      }
      case 'endpoint': {
        if (entry.host === hostId) break
        const known = remote.get(entry.network)
        if (known === undefined) remote.set(entry.network, [entry])
        else known.push(entry)
        break
      }
      case 'peer':
        vteps.set(entry.host, entry.vtep)
        break
      case 'uplink':
        uplinks[entry.name] = entry.interface
        break
      case 'publication':
      case 'router':
        break
    }
  }
  networks.sort((a, b) => (a.uid < b.uid ? -1 : 1))
  return { networks, remote, vteps, host: { ...host, uplinks } }
}

function expand(
  network: NetworkSpec,
  endpoints: readonly LocalEndpoint[],
  intent: Intent,
  problems: HostProblem[],
): HostState {
  const driver: Driver = driverFor(network.driver)
  const options = parseOptions(driver, network.options)
  const peers: RemoteEndpoint[] = []
  const peerVteps = new Set<string>()
  const unreachable = new Set<string>()
  for (const { host, uid, mac, addresses, role } of intent.remote.get(network.uid) ?? []) {
    const vtep = intent.vteps.get(host)
    if (vtep === undefined) {
      unreachable.add(host)
      continue
    }
    peerVteps.add(vtep)
    peers.push({ uid, mac, addresses, vtep, ...(role !== undefined && { placed: true }) })
  }
  const vteps = [...peerVteps].sort()
  const input = { options, endpoints, peers, peerVteps: vteps, host: intent.host }
  const own = driver.desired({ ...input, network: withKeptGateway(network, endpoints) })
  const state = mergeHostStates([own, gatewayBridgeState(network)])
  for (const host of [...unreachable].sort()) problems.push(noVtep(network, host))
  const small = smallestMtu(state)
  if (network.mtu !== undefined && small < network.mtu) problems.push(mtuTooSmall(network, small))
  return state
}

/** Containers that keep Weft's gateway until they are started again still find it. */
function withKeptGateway(network: NetworkSpec, endpoints: readonly LocalEndpoint[]): NetworkSpec {
  return endpoints.some(({ keeps }) => keeps === 'weft') ? { ...network, egress: 'weft' } : network
}

/** Everything that the network's name could have made on this host. */
function heldLinks(uid: string, endpoints: readonly LocalEndpoint[]): Link[] {
  const fabric = [
    interfaceName('bridge', uid),
    interfaceName('vxlan', uid),
    interfaceName('uplink', uid),
    interfaceName('gateway-port', uid),
    ...endpoints.map((endpoint) => interfaceName('port', endpoint.uid)),
  ]
  return [
    ...fabric.map((name): Link => ({ kind: 'other', netns: FABRIC_NETNS, name })),
    { kind: 'other', netns: '', name: interfaceName('gateway', uid) },
    ...endpoints.map(({ uid: endpoint, attachment }): Link => {
      const born = { netns: '', name: interfaceName('container', endpoint) }
      return { kind: 'other', ...(attachment.phase === 'placed' ? attachment.link : born) }
    }),
  ]
}

/** Of several networks each: they stay as a whole when no other network has a part of them. */
const SHARED_TABLES: readonly NftTableRef[] = [VXLAN_TABLE, GATEWAY_TABLE, GATEWAY_BRIDGE_TABLE, SHIM_TABLE]

/** Wherever its driver would have put them. */
function heldTables(uid: string, endpoints: readonly LocalEndpoint[]): NftTableRef[] {
  const places = new Set(['', FABRIC_NETNS, ...endpoints.map(({ attachment }) => attachment.link.netns)])
  const names = [partingName(uid), ...endpoints.map((endpoint) => guardName(endpoint.uid))]
  const own = [...places].flatMap((netns) => names.map((name) => ({ netns, family: 'netdev', name }) as const))
  return [...own, ...SHARED_TABLES]
}

/**
 * The sub-interfaces that its containers stand on, as far as its options tell. A NIC that was given another name leaves
 * them as they are, and their traffic goes on.
 */
function heldSubInterfaces(network: NetworkSpec, host: DriverHost): readonly Link[] {
  try {
    const driver: Driver = driverFor(network.driver)
    const parent = driver.parent(parseOptions(driver, network.options))
    const names = parent === undefined ? [] : subInterfaceNames(parent, host)
    return names.map((name): Link => ({ kind: 'other', netns: '', name }))
  } catch (error) {
    // What cannot be read or is not mapped tells no names, and why is a problem already; what containers are seen to stand
    // on stays nevertheless (links.ts).
    if (error instanceof WeftError) return []
    throw error
  }
}

function smallestMtu(state: HostState): number {
  return Math.min(...state.links.map((link) => link.mtu ?? Number.POSITIVE_INFINITY))
}

function problemOf(error: unknown, network: NetworkSpec): HostProblem {
  const { code, parts } = WeftError.from(error, 'network cannot be expanded')
  const message = [parts.on === undefined ? parts.what : `${parts.what}: ${parts.on}`, parts.why].filter(Boolean)
  return {
    code,
    message: `network ${network.name}: ${message.join(': ')}`.slice(0, 2000),
    network: network.uid,
    ...(parts.remedy === undefined ? {} : { remedy: parts.remedy.slice(0, 1000) }),
  }
}

function unknownNetwork(uid: string, endpoints: readonly LocalEndpoint[]): HostProblem {
  return {
    code: 'not_found',
    message: `network ${uid} is not in the intent, yet ${endpoints.length} containers of this host are on it; left alone`,
    network: uid,
    remedy: 'disconnect the containers; if the network should exist, restore the cluster’s store',
  }
}

function noVtep(network: NetworkSpec, host: string): HostProblem {
  return {
    code: 'internal',
    message: `network ${network.name}: the intent names endpoints of host ${host} but not its VTEP`,
    network: network.uid,
    remedy: `see weft host inspect ${host}; restart its agent when it has no underlay address`,
  }
}

function mtuTooSmall(network: NetworkSpec, fits: number): HostProblem {
  return {
    code: 'conflict',
    message: `network ${network.name}: its MTU is ${network.mtu}, but this host carries only ${fits}; large packets are lost`,
    network: network.uid,
    remedy: `raise the MTU of this host’s underlay or parent, or make the network anew with -o mtu=${fits}`,
  }
}
