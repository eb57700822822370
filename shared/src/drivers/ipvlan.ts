/**
 * ipvlan: containers on a wire that the hosts share, behind the one MAC that the wire knows already.
 *
 * What its packets do. Every container has an ipvlan child of the parent (an interface, or a VLAN sub-interface of it), which
 * sends and receives with the parent's own MAC; the kernel sorts arriving packets by their IP address. For switches, clouds
 * and wireless networks that allow one MAC a port. Modes (Documentation/networking/ipvlan.rst):
 * - l2: as on one segment. The child answers ARP and ND; the default route is by the subnet's gateway.
 * - l3: the child has no ARP, no broadcast, no multicast; its default route is by device, and what leaves is routed in the
 *   host's namespace. Who sends to it must have a route: on the other hosts and routers, by way of this host's address on the
 *   parent; on this host, for what leaves by the parent. These routes are the admin's affair, and so is IPv6 on the parent (a
 *   sub-interface that Weft makes has none): for l3 with IPv6 name one of your own.
 * - l3s: l3 through the host's netfilter, so that connection tracking and its rules see the packets.
 * Flags: bridge lets children of one parent talk on the host; private never; vepa sends all out, for the switch to reflect.
 * A host does not reach its own children: the kernel drops that by design, as with macvlan.
 *
 * What it costs on a host: as macvlan, a sub-interface for each VLAN in use, one child a container, no FDB entry and no
 * neighbour of ours.
 *
 * What it excludes. A parent has one receiver: macvlan and ipvlan children cannot share it (EBUSY), and mode and flag are the
 * parent's (the last one set wins for all children), so networks on one parent must agree on both. A container cannot have a
 * MAC of its own: --mac-address is refused. DHCP needs a client id other than the MAC; Weft gives addresses itself.
 *
 * Rejected. Routes for l3 announced or written by Weft: they would be in the host's own table, which is the admin's.
 */
import { z } from 'zod'
import { EMPTY_HOST_STATE, IPVLAN_FLAGS, IPVLAN_MODES, mergeHostStates } from '../host-state/host-state.ts'
import type { Driver } from './driver.ts'
import { choiceOption, ICC_ALIASES, portRules, wireOptions } from './option-fields.ts'
import { resolveParent } from './parent.ts'
import { fitMtu, ipvlanChild } from './port.ts'

const { parent, ...wire } = wireOptions()
const IpvlanOptions = z
  .strictObject({
    parent,
    ipvlan_mode: choiceOption(IPVLAN_MODES, {
      description: 'l2 = one segment with the wire, l3 = routed without ARP, l3s = l3 through the host’s netfilter',
      example: 'l2',
    }),
    ipvlan_flag: choiceOption(IPVLAN_FLAGS, {
      description: 'Who may talk on one host: bridge = all, private = none, vepa = through the switch',
      example: 'bridge',
    }),
    ...wire,
  })
  .refine(({ icc, ipvlan_flag = 'private' }) => icc !== false || ipvlan_flag === 'private', {
    path: ['icc'],
    error: 'is the private flag, and ipvlan_flag asks for another',
    params: { remedy: 'give one of the two' },
  })
type IpvlanOptions = z.infer<typeof IpvlanOptions>

const modeOf = ({ ipvlan_mode = 'l2' }: IpvlanOptions) => ipvlan_mode
const flagOf = ({ icc, ipvlan_flag = icc === false ? 'private' : 'bridge' }: IpvlanOptions) => ipvlan_flag

export const ipvlan: Driver<IpvlanOptions> = {
  name: 'ipvlan',
  aliases: [],
  summary: 'containers on the wire of an interface or VLAN, all behind its one MAC',
  options: IpvlanOptions,
  optionAliases: { mode: 'ipvlan_mode', flag: 'ipvlan_flag', ...ICC_ALIASES },
  allocates: [],
  defaultEgress: 'gateway',
  egress: (options) => options.egress,
  vni: () => undefined,
  overheadBytes: () => undefined,
  parent: (options) => options.parent,
  macs: () => 'parent',
  defaultRoute: (options) => (modeOf(options) === 'l2' ? 'gateway' : 'device'),
  parentUse: (options) => `ipvlan ${modeOf(options)} ${flagOf(options)}`,
  bridge: () => undefined,
  hostAccess: (options) => options.host_access === true,
  spans: () => true,
  parts: (options) => (flagOf(options) === 'private' ? 'host' : 'none'),
  deaf: (options) =>
    flagOf(options) === 'private' ? 'ipvlan_flag=private parts all interfaces of one parent' : undefined,
  guard: ({ spoof_check }) => (spoof_check === 'off' ? 'off' : 'sandbox'),
  mtu: (options) => options.mtu,
  desired({ network, options, endpoints, host }) {
    const { links, top, mac: parentMac, mtu: available } = resolveParent(options.parent, host)
    const mtu = fitMtu(network.mtu ?? options.mtu, available)
    const wiring = { ...portRules(options), parentMac, parent: top, mode: modeOf(options), flag: flagOf(options), mtu }
    const children = endpoints.map((endpoint) => ipvlanChild(network, endpoint, wiring))
    return mergeHostStates([{ ...EMPTY_HOST_STATE, links: [...links] }, ...children])
  },
}
