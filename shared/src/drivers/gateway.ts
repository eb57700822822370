/**
 * Weft's own gateway (`egress=weft`): every host answers the subnets' gateway addresses itself, with one MAC everywhere, so that a
 * container's way out is its own host and stays so wherever it moves. The gateway is one end of a pair (or a macvlan
 * child of the overlay's device) in the host's netns, like a container of the network that is the host: what is sent to it is
 * routed and, unless `nat=false`, masqueraded there. What may pass is one nft table's affair (gateway-table.ts).
 *
 * Every host has it, whether it has containers of the network or not: `docker run` then makes a container's own links only.
 * It costs a host one pair (or one child), one FDB entry and the routes that the kernel makes of the addresses, a network.
 */
import { EMPTY_HOST_STATE, type HostState, type Link, type LinkRef } from '../host-state/host-state.ts'
import type { NetworkSpec } from '../intent/entry.ts'
import { formatCidr, parseCidr } from '../ip/cidr.ts'
import { deriveMac, FABRIC_NETNS, interfaceName } from '../names.ts'
import type { DriverHost } from './driver.ts'
import { gatewayTable } from './gateway-table.ts'
import { hasIpv6 } from './port.ts'

/** True when this network's containers leave through Weft's gateway. */
export function hasOwnGateway(network: NetworkSpec): boolean {
  return network.egress === 'weft' && !network.internal
}

interface Wiring {
  readonly mtu: number
  /** The driver's option; translated when undefined. */
  readonly nat: boolean | undefined
  readonly underlay: DriverHost['underlay']
}

/** The gateway behind a bridge of the fabric; nothing for networks that leave otherwise. */
export function gatewayPort(network: NetworkSpec, wiring: Wiring & { readonly bridge: string }): HostState {
  if (!hasOwnGateway(network)) return EMPTY_HOST_STATE
  const end = gatewayEnd(network, wiring.mtu)
  const port: Link = {
    kind: 'veth',
    netns: FABRIC_NETNS,
    name: interfaceName('gateway-port', network.uid),
    mac: deriveMac(`gateway-port/${network.uid}/${wiring.underlay.address}`),
    mtu: wiring.mtu,
    up: true,
    master: wiring.bridge,
    port: { learning: false, flood: false, multicastFlood: true, broadcastFlood: true },
    alias: end.alias,
    peer: { netns: end.netns, name: end.name },
    peerMac: end.mac,
    presence: 'required',
  }
  return {
    ...hostPart(network, wiring),
    links: [port, { kind: 'veth', ...end }],
    fdb: [{ netns: FABRIC_NETNS, link: port.name, mac: end.mac }],
  }
}

/** The gateway as a macvlan child of the overlay's device. */
export function gatewayChild(network: NetworkSpec, wiring: Wiring & { readonly parent: LinkRef }): HostState {
  if (!hasOwnGateway(network)) return EMPTY_HOST_STATE
  const child: Link = {
    kind: 'macvlan',
    ...gatewayEnd(network, wiring.mtu),
    parent: wiring.parent,
    mode: 'bridge',
  }
  return { ...hostPart(network, wiring), links: [child] }
}

function gatewayEnd(network: NetworkSpec, mtu: number) {
  return {
    netns: '',
    name: interfaceName('gateway', network.uid),
    mac: deriveMac(`gateway/${network.uid}`),
    mtu,
    up: true,
    alias: `${network.name} gateway`,
    ipv6: hasIpv6(network),
    forwarding: true,
    strictArp: true,
    presence: 'required',
  } as const
}

/** Addresses, rules and routing: the same however the gateway hangs on the network. */
function hostPart({ uid, subnets }: NetworkSpec, { nat = true, underlay }: Wiring): HostState {
  const link = interfaceName('gateway', uid)
  const ranges = subnets.map(({ cidr }) => parseCidr(cidr))
  return {
    ...EMPTY_HOST_STATE,
    addresses: subnets.flatMap(({ gateway, cidr }) =>
      gateway === undefined ? [] : [{ netns: '', link, address: `${gateway}/${parseCidr(cidr).prefixLength}` }],
    ),
    nftTables: [gatewayTable({ link, subnets: ranges.map(formatCidr), nat, underlay: underlay.interface })],
    hostForwarding: [...new Set(ranges.map(({ family }) => family))],
  }
}
