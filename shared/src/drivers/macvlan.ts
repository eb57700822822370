/**
 * macvlan: containers straight on a wire that the hosts share, as Docker's driver of that name, with one allocator.
 *
 * What its packets do. Every container has a macvlan child with its own MAC on the parent: an interface, or a VLAN
 * sub-interface of it (802.1Q, or 802.1ad outside and 802.1Q inside). The frame leaves the NIC as it is; the switch does
 * the rest, other hosts and machines that know nothing of Weft included. Modes (Documentation, ip-link(8)): bridge lets children of
 * one parent talk on the host; private never; vepa sends all to the switch, which must reflect it; passthru gives the
 * whole parent to one container. A host does not reach its own children through
 * the parent: the kernel drops that by design. With host_access=true it has a child of its own, and a route for each container.
 *
 * What it costs on a host: a sub-interface for each VLAN in use, shared by all networks on it; one child a container. No FDB
 * entry and no neighbour of ours: ARP and ND are the wire's.
 *
 * A sub-interface is there as soon as the network is (so that a wrong VLAN is found before a container needs it), is made
 * again when the NIC returns, and goes with its last network when it was ours. An admin's is used and never altered.
 *
 * Rejected. A bridge on the NIC: it takes the NIC's address away from the host. A sub-interface per network with a generated
 * name: the kernel allows one a (NIC, VLAN), and admins expect eth1.100.
 */
import { z } from 'zod'
import { WeftError } from '../errors.ts'
import { EMPTY_HOST_STATE, MACVLAN_MODES, mergeHostStates } from '../host-state/host-state.ts'
import type { Driver, LocalEndpoint } from './driver.ts'
import { choiceOption, ICC_ALIASES, portRules, wireOptions } from './option-fields.ts'
import { resolveParent } from './parent.ts'
import { partingState } from './parting.ts'
import { fitMtu, macvlanChild } from './port.ts'

const { parent, ...wire } = wireOptions()
const MacvlanOptions = z
  .strictObject({
    parent,
    macvlan_mode: choiceOption(MACVLAN_MODES, {
      description:
        'Who may talk on one host: bridge = all, private = none, vepa = through the switch, passthru = one container',
      example: 'bridge',
    }),
    ...wire,
  })
  .refine(({ icc, macvlan_mode = 'private' }) => icc !== false || macvlan_mode === 'private', {
    path: ['icc'],
    error: 'is private mode, and macvlan_mode asks for another',
    params: { remedy: 'give one of the two' },
  })
type MacvlanOptions = z.infer<typeof MacvlanOptions>

const modeOf = ({ icc, macvlan_mode = icc === false ? 'private' : 'bridge' }: MacvlanOptions) => macvlan_mode

const DEAF = {
  private: 'macvlan_mode=private parts all interfaces of one parent',
  passthru: 'macvlan_mode=passthru gives the whole parent to one container',
} as const

export const macvlan: Driver<MacvlanOptions> = {
  name: 'macvlan',
  aliases: [],
  summary: 'containers straight on the wire of an interface or VLAN that the hosts share',
  options: MacvlanOptions,
  optionAliases: { mode: 'macvlan_mode', ...ICC_ALIASES },
  allocates: [],
  defaultEgress: 'gateway',
  egress: (options) => options.egress,
  vni: () => undefined,
  overheadBytes: () => undefined,
  parent: (options) => options.parent,
  macs: (options) => (options.macvlan_mode === 'passthru' ? 'parent' : 'own'),
  defaultRoute: () => 'gateway',
  parentUse: () => 'macvlan',
  bridge: () => undefined,
  hostAccess: (options) => options.host_access === true,
  spans: () => true,
  parts: (options) => (options.icc === false ? 'all' : modeOf(options) === 'private' ? 'host' : 'none'),
  deaf: (options) => {
    const mode = modeOf(options)
    return mode === 'private' || mode === 'passthru' ? DEAF[mode] : undefined
  },
  guard: ({ spoof_check }) => (spoof_check === 'off' ? 'off' : 'sandbox'),
  mtu: (options) => options.mtu,
  desired(input) {
    const { network, options, endpoints, host } = input
    const mode = modeOf(options)
    const { links, top, mac: parentMac, mtu: available } = resolveParent(options.parent, host)
    if (mode === 'passthru') refuseSecond(endpoints, top.name)
    const mtu = fitMtu(network.mtu ?? options.mtu, available)
    const wiring = { parent: top, parentMac, mode, mtu, ...portRules(options) }
    const children = endpoints.map((endpoint) => macvlanChild(network, endpoint, wiring))
    const parting = options.icc === false ? partingState(input, top) : EMPTY_HOST_STATE
    return mergeHostStates([{ ...EMPTY_HOST_STATE, links: [...links] }, parting, ...children])
  },
}

function refuseSecond(endpoints: readonly LocalEndpoint[], parent: string): void {
  if (endpoints.length < 2) return
  throw new WeftError('conflict', {
    what: 'parent in passthru mode has more than one container',
    on: parent,
    why: `passthru gives the whole interface to one container of a host; ${endpoints.length} want it: ${endpoints
      .map((endpoint) => endpoint.name ?? endpoint.uid)
      .sort()
      .join(', ')}`,
    remedy: 'stop all but one of them on this host, or use macvlan_mode=bridge',
  })
}
