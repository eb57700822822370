/**
 * overlay: one layer-2 network over any routed underlay, by VXLAN (RFC 7348) with everything known beforehand.
 *
 * What its packets do. A container's frame reaches the vxlan device, through a bridge port (attach=bridge) or straight
 * from a macvlan child (attach=macvlan); the device's FDB says behind which host's VTEP the MAC is, and the frame
 * travels there in UDP. The device learns nothing from traffic, so nobody can move a MAC by sending from it. ARP and
 * ND for remote containers are answered on the spot out of the device's permanent neighbours. There is no default FDB entry:
 * unknown unicast, broadcast and multicast end at the device, unless flood=true adds one all-zero entry a peer.
 * The host takes packets with the network's port and VNI from the network's peers only.
 * Between containers of one host the bridge, or macvlan in bridge mode, does the work alone. With icc=false its ports are
 * isolated, or the children private, and the device lets in nothing from containers of other hosts.
 *
 * What it costs on a host: one vxlan device a network (and one bridge); a neighbour for each remote address and an FDB
 * entry for each remote container, in networks that the host takes part in; a veth pair with one FDB entry, or one
 * macvlan child, for each own container.
 *
 * Rejected. Learning and flooding (Linux' default): the first packet to anything goes everywhere and spoofing is free.
 * Multicast in the underlay: hardly any routed network or cloud forwards it. ARP answered by bridge ports
 * (neigh_suppress): three entries for two, and nothing for macvlan (ADR 2). A vxlan device per container: cheapest in packets, but
 * one per (network, host) is possible only. Bridges in the host's own namespace: netfilter twice (ADR 1).
 * attach=macvlan is the faster way (0.78 of the underlay against 0.69); bridge is the default, since the guard of its ports
 * is out of a container's reach, whatever its capabilities.
 */
import { z } from 'zod'
import { WeftError } from '../errors.ts'
import { EMPTY_HOST_STATE, type HostState, type Link, mergeHostStates } from '../host-state/host-state.ts'
import { parseAddress } from '../ip/address.ts'
import { deriveMac, FABRIC_NETNS, interfaceName } from '../names.ts'
import type { Driver, DriverInput } from './driver.ts'
import { gatewayChild, gatewayPort } from './gateway.ts'
import {
  choiceOption,
  egressOption,
  flagOption,
  hostAccessOption,
  ICC_ALIASES,
  iccOption,
  integerOption,
  mtuOption,
  natOption,
  portRules,
  spoofCheckOption,
} from './option-fields.ts'
import { partingState } from './parting.ts'
import { bridgeName, fabricBridge, fitMtu, hasIpv6, macvlanChild, vethPort } from './port.ts'
import { vxlanFilterTable } from './vxlan-filter.ts'

/** IANA's port for VXLAN (RFC 7348 section 8). */
const VXLAN_PORT = 4789
const FLOOD_MAC = '00:00:00:00:00:00'
const IPV6_MIN_MTU = 1280
/** Outer IP, UDP and VXLAN headers and the inner Ethernet header, bytes. */
const OVERHEAD_BYTES = { 4: 50, 6: 70 } as const

const ON_EVERY_HOST = 'is what hosts know each other’s packets by: while some have not followed yet they would not talk'

const OverlayOptions = z
  .strictObject({
    attach: choiceOption(['bridge', 'macvlan'], {
      description: 'How containers hang on the vxlan device: by a bridge and veth pairs, or by macvlan (faster)',
      example: 'bridge',
      fixed: 'is the kind of interface that the running containers have',
    }),
    port: integerOption(
      { min: 1, max: 65535 },
      { description: 'UDP port of VXLAN', example: String(VXLAN_PORT), fixed: ON_EVERY_HOST },
    ),
    vni: integerOption(
      { min: 1, max: 0xffffff },
      { description: 'VXLAN network identifier; allocated when left out', example: '4097', fixed: ON_EVERY_HOST },
    ),
    mtu: mtuOption(),
    host_access: hostAccessOption(),
    flood: flagOption({
      description: 'Send broadcast and multicast to every host of the network',
      example: 'true',
      live: true,
    }),
    icc: iccOption({ live: true }),
    spoof_check: spoofCheckOption(),
    egress: egressOption(['docker', 'weft', 'none']),
    nat: natOption(),
  })
  .refine(({ attach, icc, egress }) => !(attach === 'macvlan' && icc === false && egress === 'weft'), {
    path: ['icc'],
    error: 'must not be false with attach=macvlan and egress=weft: the gateway could not be reached either',
    params: { remedy: 'use attach=bridge' },
  })
type OverlayOptions = z.infer<typeof OverlayOptions>

export const overlay: Driver<OverlayOptions> = {
  name: 'overlay',
  aliases: ['vxlan'],
  summary: 'one layer-2 network across hosts, in VXLAN; nothing flooded, nothing learned',
  options: OverlayOptions,
  optionAliases: ICC_ALIASES,
  allocates: ['vni'],
  defaultEgress: 'docker',
  egress: (options) => options.egress,
  nat: (options) => options.nat,
  vni: (options) => options.vni,
  overheadBytes: (_options, underlayFamily) => OVERHEAD_BYTES[underlayFamily],
  parent: () => undefined,
  macs: () => 'own',
  defaultRoute: () => 'gateway',
  parentUse: () => undefined,
  bridge: ({ attach }, uid) => (attach === 'macvlan' ? undefined : bridgeName(uid)),
  hostAccess: (options) => options.host_access === true,
  spans: () => true,
  parts: ({ icc }) => (icc === false ? 'all' : 'none'),
  deaf: ({ attach, icc }) =>
    attach === 'macvlan' && icc === false ? 'attach=macvlan parts all interfaces with icc=false' : undefined,
  guard: ({ attach, spoof_check }) => (spoof_check === 'off' ? 'off' : attach === 'macvlan' ? 'sandbox' : 'port'),
  mtu: (options) => options.mtu,
  desired(input) {
    const { network, options, endpoints, host } = input
    const available = host.underlay.mtu - OVERHEAD_BYTES[parseAddress(host.underlay.address).family]
    const mtu = fitMtu(network.mtu ?? options.mtu, available)
    if (hasIpv6(network)) refuseSmall(mtu, network.name)
    const device = vxlanDevice(input, mtu)
    const filter: HostState = {
      ...EMPTY_HOST_STATE,
      nftTables: [vxlanFilterTable({ udpPort: device.udpPort, vni: device.vni, peers: input.peerVteps })],
    }
    const remote = remoteEntries(input, device.name)
    const parting = options.icc === false ? partingState(input, device) : EMPTY_HOST_STATE
    const common = mergeHostStates([remote, filter, parting])
    if (options.attach === 'macvlan') {
      const parent = { netns: FABRIC_NETNS, name: device.name }
      const wiring = { parent, parentMac: undefined, mode: 'bridge', mtu, ...portRules(options) } as const
      const children = endpoints.map((endpoint) => macvlanChild(network, endpoint, wiring))
      const gateway = gatewayChild(network, { parent, mtu, nat: options.nat, underlay: host.underlay })
      return mergeHostStates([{ ...EMPTY_HOST_STATE, links: [device] }, gateway, common, ...children])
    }
    const bridge = fabricBridge(network, host, mtu)
    const port: Link = {
      ...device,
      master: bridge.name,
      port: { learning: false, flood: true, multicastFlood: true, broadcastFlood: true },
    }
    const wiring = { bridge: bridge.name, mtu, ...portRules(options) }
    const ports = endpoints.map((endpoint) => vethPort(network, endpoint, wiring))
    const gateway = gatewayPort(network, { bridge: bridge.name, mtu, nat: options.nat, underlay: host.underlay })
    return mergeHostStates([{ ...EMPTY_HOST_STATE, links: [bridge, port] }, gateway, common, ...ports])
  },
}

function vxlanDevice(input: DriverInput<OverlayOptions>, mtu: number): Link & { kind: 'vxlan' } {
  const { network, options, host } = input
  const vni = network.vni ?? options.vni
  if (vni === undefined) {
    throw new WeftError('internal', {
      what: 'overlay network has no VNI',
      on: network.name,
      why: 'the controller allocates one when the network is created',
      remedy: 'remove the network and create it again',
    })
  }
  return {
    kind: 'vxlan',
    netns: FABRIC_NETNS,
    name: interfaceName('vxlan', network.uid),
    vni,
    underlay: host.underlay.interface,
    local: host.underlay.address,
    udpPort: options.port ?? VXLAN_PORT,
    learning: false,
    proxy: true,
    mac: deriveMac(`vxlan/${network.uid}/${host.underlay.address}`),
    mtu,
    up: true,
    alias: network.name,
    // The kernel takes no IPv6 neighbour on a device without IPv6 (EINVAL, measured on 6.18).
    ipv6: hasIpv6(network),
    presence: 'required',
  }
}

/** Below this Linux has no IPv6 on a link (RFC 8200 section 5), and no ND to answer. */
function refuseSmall(mtu: number, name: string): void {
  if (mtu >= IPV6_MIN_MTU) return
  throw new WeftError('invalid', {
    what: 'MTU too small for IPv6',
    on: `${name}: ${mtu}`,
    why: `IPv6 needs ${IPV6_MIN_MTU} bytes (RFC 8200 section 5)`,
    remedy: 'raise the MTU of the underlay or of the network, or make the network without --ipv6',
  })
}

function remoteEntries(input: DriverInput<OverlayOptions>, link: string): HostState {
  const netns = FABRIC_NETNS
  const flood = input.options.flood === true ? [...new Set(input.peerVteps)].sort() : []
  return {
    ...EMPTY_HOST_STATE,
    neighbours: input.peers.flatMap(({ addresses, mac }) => addresses.map((ip) => ({ netns, link, ip, mac }))),
    fdb: [
      ...input.peers.map(({ mac, vtep }) => ({ netns, link, mac, vtep })),
      ...flood.map((vtep) => ({ netns, link, mac: FLOOD_MAC, vtep })),
    ],
  }
}
