/**
 * The two ends of a probe: a vxlan device with a VNI of its own, and on each wire what containers have there: a macvlan, or a
 * port of their bridge. All of it is in a throwaway netns, or goes with it.
 */
import {
  type DoctorProbe,
  deriveMac,
  FABRIC_NETNS,
  familyOf,
  type HostFacts,
  parseParent,
  resolveParent,
} from '@weft/shared'
import type { BroadcastPlace } from '../../kernel/index.ts'
import { netnsPath } from '../../kernel/netns.ts'
import { runProgram } from '../../kernel/run-program.ts'
import type { ThrowawayNetns } from '../netns.ts'
import type { TalkLink } from './talk.ts'

/** Outer IP, UDP, VXLAN and inner Ethernet headers, bytes (RFC 7348). */
export const OVERHEAD_BYTES = { 4: 50, 6: 70 } as const
export const overheadOf = (address: string): number => OVERHEAD_BYTES[familyOf(address)]

export type Role = 'asks' | 'answers'
const other = (role: Role): Role => (role === 'asks' ? 'answers' : 'asks')

const PATH_LINK = 'wfdpath'

/** Addresses of a probe, by its number, so that several share a wire; `line` 0 is the path, then the wires. RFC 3927. */
function addressOf(probe: DoctorProbe, line: number, role: Role): string {
  return `169.254.${100 + line}.${2 * probe.number + (role === 'asks' ? 1 : 2)}`
}

const macOf = (probe: DoctorProbe, line: number, role: Role) => deriveMac(`doctor/${probe.id}/${line}/${role}`)

export function talkLink(probe: DoctorProbe, line: number, role: Role): TalkLink {
  return { address: addressOf(probe, line, role), peer: addressOf(probe, line, other(role)) }
}

/**
 * The device of the path; its UDP socket is in the host's netns, as those of networks are. DF is set on what it sends, and a
 * locked MTU keeps the inside from fragmenting. @throws what `ip` says
 */
export async function makePath(
  netns: ThrowawayNetns,
  probe: DoctorProbe,
  role: Role,
  { underlay }: HostFacts,
): Promise<void> {
  const mtu = underlay.mtu - overheadOf(underlay.address)
  const v4 = !underlay.address.includes(':')
  const vxlan = [
    ...['type', 'vxlan', 'id', String(probe.vni), 'local', underlay.address, 'remote', probe.address],
    ...['dev', underlay.interface, 'dstport', String(probe.udpPort), 'nolearning', ...(v4 ? ['df', 'set'] : [])],
  ]
  const head = ['link', 'add', 'name', PATH_LINK, 'netns', String(netns.pid), 'mtu', String(mtu)]
  await runProgram('ip', [...head, 'address', macOf(probe, 0, role), ...vxlan])
  const { address, peer } = talkLink(probe, 0, role)
  await netns.ip([
    `address add ${address}/32 dev ${PATH_LINK}`,
    `link set dev ${PATH_LINK} up`,
    `neigh add ${peer} lladdr ${macOf(probe, 0, other(role))} dev ${PATH_LINK} nud permanent`,
  ])
  await limitPath(netns, probe, role, mtu)
}

/** What TCP takes for the path's MTU. */
export async function limitPath(netns: ThrowawayNetns, probe: DoctorProbe, role: Role, mtu: number): Promise<void> {
  const { address, peer } = talkLink(probe, 0, role)
  await netns.ip([`route replace ${peer}/32 dev ${PATH_LINK} src ${address} mtu lock ${mtu}`])
}

/**
 * Where containers have MACs of their own a link of that kind on the wire, which {@link addressWires} is to complete. Gives
 * back from where broadcasts with the interface's own MAC go out on the wire, and come in.
 * @throws `not_found` when the host has no such interface or uplink, what `ip` says when it takes no macvlan
 */
export async function makeWire(
  netns: ThrowawayNetns,
  probe: DoctorProbe,
  line: number,
  role: Role,
  { interfaces, underlay }: HostFacts,
  uplinks: Readonly<Record<string, string>>,
): Promise<BroadcastPlace> {
  const { parent = '', macs, bridge } = probe.wires[line - 1] ?? {}
  const { top, mac } = resolveParent(parseParent(parent), { interfaces, underlay, uplinks })
  // A link with its parent's MAC leaves no room for a second one, and none is needed: the parent speaks with that MAC.
  if (macs === 'parent') return { name: top.name }
  const name = `wfdwire${line}`
  const own = ['name', name, 'netns', String(netns.pid), 'address', macOf(probe, line, role)]
  if (bridge === undefined) {
    await runProgram('ip', ['link', 'add', 'link', top.name, ...own, 'up', 'type', 'macvlan', 'mode', 'bridge'])
    return { name: top.name }
  }
  await addPort({ bridge, port: `wfd${probe.number}port${line}`, end: own.join(' '), mac: macOf(probe, line, role) })
  return { name, netns: `/proc/${netns.pid}/ns/net`, mac }
}

/**
 * Gives the ends on these wires their addresses: ARP is part of what is tried. A macvlan is up already, which may fail; the end
 * of a pair cannot be so from the start.
 */
export async function addressWires(
  netns: ThrowawayNetns,
  probe: DoctorProbe,
  lines: readonly number[],
  role: Role,
): Promise<void> {
  if (lines.length === 0) return
  await netns.ip(
    lines.flatMap((line) => [
      `address add ${addressOf(probe, line, role)}/24 dev wfdwire${line}`,
      `link set dev wfdwire${line} up`,
    ]),
  )
}

/**
 * Another port of a bridge in the fabric, as a container has it. It learns nothing: the parent's MAC is sent by it, too, and
 * belongs to another port. Its own MAC is bound to it: where the switch sends a broadcast back to where it came from, the bridge
 * would take the MAC for one behind the uplink, and what answers it would end there.
 */
async function addPort({ bridge, port, end, mac }: Readonly<Record<'bridge' | 'port' | 'end' | 'mac', string>>) {
  const lines = [
    `link add name ${port} master ${bridge} up type veth peer ${end}`,
    `link set dev ${port} type bridge_slave learning off`,
  ]
  const inFabric = [`--net=${netnsPath(FABRIC_NETNS)}`, '--']
  await runProgram('nsenter', [...inFabric, 'ip', '-batch', '-'], `${lines.join('\n')}\n`)
  await runProgram('nsenter', [...inFabric, 'bridge', 'fdb', 'add', mac, 'dev', port, 'master', 'static', 'sticky'])
}
