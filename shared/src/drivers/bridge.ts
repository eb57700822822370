/**
 * bridge: a bridge on every host, the single-host case with cluster-wide addresses; with a parent it is on a wire, too.
 *
 * What its packets do. Containers of one host meet on a bridge in the fabric namespace, each behind a veth port that learns
 * nothing and has one static FDB entry. Without a parent the bridges of different hosts do not meet; the way out is
 * Docker's gateway bridge (SNAT, -p). With a parent the bridge has one more port, the uplink, which learns and floods, since
 * what lies behind it is the wire's affair. A VLAN uplink is a sub-interface of our own, born in the fabric under a
 * generated name. A raw interface, or a sub-interface that the admin made, cannot be moved there without taking it from the
 * host: a macvlan child of it in passthru mode goes in instead, which shares the interface's MAC; it is promiscuous,
 * so that the containers' MACs pass.
 *
 * What it costs on a host: a bridge a network, a port and an FDB entry a container, one more link with a parent.
 *
 * Rejected. The NIC itself as a port: its addresses and routes would have to move to the bridge, and a crash in between cuts
 * the host off. Bridges in the host's namespace: Docker's FORWARD chain drops what they forward (ADR 1).
 */
import { z } from 'zod'
import { WeftError } from '../errors.ts'
import { EMPTY_HOST_STATE, type Link, mergeHostStates } from '../host-state/host-state.ts'
import type { Egress } from '../intent/entry.ts'
import { FABRIC_NETNS, interfaceName } from '../names.ts'
import type { Driver, DriverHost, DriverInput } from './driver.ts'
import { gatewayPort } from './gateway.ts'
import {
  egressOption,
  hostAccessOption,
  ICC_ALIASES,
  iccOption,
  mtuOption,
  natOption,
  optionalParentOption,
  portRules,
  spoofCheckOption,
} from './option-fields.ts'
import { type ResolvedParent, resolveParent } from './parent.ts'
import { partingState } from './parting.ts'
import { bridgeName, fabricBridge, fitMtu, vethPort } from './port.ts'

/** Of a bridge without a wire below it: Ethernet's. */
const DEFAULT_MTU = 1500
const MAX_MTU = 65535

const BridgeOptions = z.strictObject({
  parent: optionalParentOption('Interface, VLAN sub-interface or @uplink that joins the hosts’ bridges'),
  mtu: mtuOption(),
  host_access: hostAccessOption(),
  icc: iccOption({ live: true }),
  spoof_check: spoofCheckOption(),
  egress: egressOption(['docker', 'weft', 'none']),
  nat: natOption(),
})
type BridgeOptions = z.infer<typeof BridgeOptions>

export const bridge: Driver<BridgeOptions> = {
  name: 'bridge',
  aliases: [],
  summary: 'a bridge on every host, with cluster-wide addresses and optionally a VLAN as uplink',
  options: BridgeOptions,
  optionAliases: ICC_ALIASES,
  allocates: [],
  defaultEgress: 'docker',
  egress: egressOf,
  nat: (options) => options.nat,
  vni: () => undefined,
  overheadBytes: () => undefined,
  parent: (options) => options.parent,
  macs: () => 'own',
  defaultRoute: () => 'gateway',
  parentUse: () => undefined,
  bridge: (_, uid) => bridgeName(uid),
  hostAccess: (options) => options.host_access === true,
  spans: (options) => options.parent !== undefined,
  parts: ({ icc }) => (icc === false ? 'all' : 'none'),
  deaf: () => undefined,
  guard: ({ spoof_check }) => (spoof_check === 'off' ? 'off' : 'port'),
  mtu: (options) => options.mtu,
  desired(input) {
    const { network, options, endpoints, host } = input
    const parent = options.parent === undefined ? undefined : resolveParent(options.parent, host)
    const wanted = network.mtu ?? options.mtu
    const mtu = parent === undefined ? fitMtu(wanted ?? DEFAULT_MTU, MAX_MTU) : fitMtu(wanted, parent.mtu)
    const own = fabricBridge(network, host, mtu)
    const uplink = parent === undefined ? [] : uplinkLinks(input, parent, { bridge: own.name, mtu })
    const wiring = { bridge: own.name, mtu, ...portRules(options) }
    const ports = endpoints.map((endpoint) => vethPort(network, endpoint, wiring))
    const wire = { netns: FABRIC_NETNS, name: interfaceName('uplink', network.uid) }
    const parting = parent !== undefined && options.icc === false ? partingState(input, wire) : EMPTY_HOST_STATE
    const gateway = gatewayPort(network, { bridge: own.name, mtu, nat: options.nat, underlay: host.underlay })
    return mergeHostStates([{ ...EMPTY_HOST_STATE, links: [own, ...uplink] }, gateway, parting, ...ports])
  },
}

/** One MAC in many places is for networks whose hosts alone know where it is; a wire’s switches would see it jump. */
function egressOf({ egress, parent }: BridgeOptions): Egress | undefined {
  if (egress !== 'weft' || parent === undefined) return egress
  throw new WeftError('invalid', {
    what: 'network on a wire cannot have Weft’s own gateway',
    on: `egress=weft, parent=${parent.text}`,
    why: 'every host would answer for the same address and MAC on one wire',
    remedy: 'leave parent out, or leave through the wire: -d macvlan with --gateway',
  })
}

function uplinkLinks(
  input: DriverInput<BridgeOptions>,
  parent: ResolvedParent,
  wiring: { readonly bridge: string; readonly mtu: number },
): Link[] {
  const { network, host } = input
  const port = {
    netns: FABRIC_NETNS,
    name: interfaceName('uplink', network.uid),
    mtu: wiring.mtu,
    up: true,
    master: wiring.bridge,
    port: { learning: true, flood: true, multicastFlood: true, broadcastFlood: true },
    alias: `${network.name} uplink`,
    presence: 'required',
  } as const
  const vlan = parent.links.at(-1)
  if (vlan?.kind !== 'vlan' || isHostInterface(host, vlan.name)) {
    return [{ kind: 'macvlan', ...port, parent: parent.top, mode: 'passthru' }]
  }
  const { vlanId, protocol, parent: below } = vlan
  return [...parent.links.slice(0, -1), { kind: 'vlan', ...port, mac: parent.mac, parent: below, vlanId, protocol }]
}

/** The kernel allows one sub-interface a (parent, VLAN id), whatever its name: when the host has it, ours cannot be made. */
function isHostInterface(host: DriverHost, name: string): boolean {
  return host.interfaces.some((fact) => fact.name === name)
}
