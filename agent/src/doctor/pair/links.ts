/** The two ends of a probe: a vxlan device with a VNI of its own, and a macvlan on each wire, in a throwaway netns. */
import { type DoctorProbe, deriveMac, type HostFacts, parseParent, resolveParent } from '@weft/shared'
import { runProgram } from '../../kernel/run-program.ts'
import type { ThrowawayNetns } from '../netns.ts'
import type { TalkLink } from './talk.ts'

/** Outer IP, UDP, VXLAN and inner Ethernet headers, bytes (RFC 7348). */
export const OVERHEAD_BYTES = { 4: 50, 6: 70 } as const
export const overheadOf = (address: string): number => OVERHEAD_BYTES[address.includes(':') ? 6 : 4]

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
 * Where containers have MACs of their own a macvlan on the wire, with an address; ARP is part of what is tried. Gives back the
 * interface of the wire.
 * @throws `not_found` when the host has no such interface or uplink, what `ip` says when it takes no macvlan
 */
export async function makeWire(
  netns: ThrowawayNetns,
  probe: DoctorProbe,
  line: number,
  role: Role,
  { interfaces, underlay }: HostFacts,
  uplinks: Readonly<Record<string, string>>,
): Promise<string> {
  const { parent = '', macs } = probe.wires[line - 1] ?? {}
  const { top } = resolveParent(parseParent(parent), { interfaces, underlay, uplinks })
  if (macs === 'parent') return top.name
  const name = `wfdwire${line}`
  const head = [
    'link',
    'add',
    'link',
    top.name,
    'name',
    name,
    'netns',
    String(netns.pid),
    'address',
    macOf(probe, line, role),
  ]
  await runProgram('ip', [...head, 'type', 'macvlan', 'mode', 'bridge'])
  await netns.ip([`address add ${addressOf(probe, line, role)}/24 dev ${name}`, `link set dev ${name} up`])
  return top.name
}
