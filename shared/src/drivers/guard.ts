/**
 * The guard of one container's interface: what it sends must be its own. Its MAC and its addresses in ARP, IPv4 and IPv6; no
 * other kind of frame (a VLAN tag would lead into another network, a BPDU into the switch); neighbour advertisements for its
 * own addresses only; no router advertisement, no redirect, no answer of a DHCP server (CVE-2020-10749 and its like).
 * What it is sent is not judged.
 *
 * It is an nft table of its own, hooked into the one link: at ingress of a bridge port, out of the container's reach; at
 * egress of an interface that has no host end (macvlan, ipvlan), in the sandbox itself, where CAP_NET_RAW cannot pass it (raw
 * sockets go through the hook, also those that bypass queueing: nf_hook_direct_egress) but CAP_NET_ADMIN could remove it,
 * until the next pass.
 *
 * Written as a list of what is let through, since at egress `meta protocol` is the sender's own word: a frame passes only
 * if its EtherType on the wire (bits 96 to 111) and the header agree.
 *
 * In a sandbox it is written before the interface is there, where the kernel lets it (agent/src/plan/guard-ahead.ts).
 *
 * An interface of the same name that takes the place of ours in a sandbox (another network, after a disconnect) is not
 * ours to guard: the first rule knows the link by its number, as it was when the table was written.
 */
import { goesElsewhere, type NftTable } from '../host-state/nft-table.ts'
import { formatAddress, parseAddress } from '../ip/address.ts'

export interface GuardedLink {
  readonly netns: string
  readonly name: string
  readonly at: 'ingress' | 'egress'
  /** Undefined when it is not known: any is let through. */
  readonly mac: string | undefined
  /** Others of the wire have the same MAC, and link-local addresses that do not follow from it. */
  readonly sharesMac: boolean
  readonly addresses: readonly string[]
}

/** NF_IP_PRI_RAW, before anything else looks. */
const PRIORITY = -300
const ETHERTYPE = { ipv4: '0800', arp: '0806', ipv6: '86dd' } as const
/** The target of a neighbour solicitation or advertisement (RFC 4861 section 4.3): behind 8 bytes of ICMPv6. */
const ND_TARGET = '@th,64,128'

/** The name of an endpoint's guard. */
export function guardName(uid: string): string {
  return `weft_guard_${uid}`
}

/** @param uid of the endpoint */
export function guardTable(uid: string, link: GuardedLink): NftTable {
  const { netns, name, at, mac } = link
  const v4 = link.addresses.filter((address) => !address.includes(':'))
  const v6 = link.addresses
    .filter((address) => address.includes(':'))
    .map((address) => formatAddress(parseAddress(address)))
  const rules = [
    ...(at === 'egress' ? [`${goesElsewhere(name)} accept`] : []),
    ...(v4.length === 0 ? [] : ipv4Rules(v4, mac)),
    ...(v6.length === 0 ? [] : ipv6Rules(v6, link)),
    'counter drop',
  ]
  return {
    ...{ netns, family: 'netdev', name: guardName(uid), sets: [] },
    chains: [
      { name: 'guard', hook: { type: 'filter', at, priority: PRIORITY, device: name }, rules },
      ...(v4.length === 0 ? [] : [{ name: 'own4', rules: ['udp sport 67 counter drop', 'accept'] }]),
      ...(v6.length === 0 ? [] : [{ name: 'own6', rules: own6Rules(v6, link) }]),
    ],
  }
}

/** Source and EtherType of a frame lie side by side (bits 48 to 111): one comparison, for every packet. */
function frame(type: keyof typeof ETHERTYPE, mac: string | undefined): string {
  if (mac === undefined) return `@ll,96,16 0x${ETHERTYPE[type]}`
  return `@ll,48,64 0x${mac.replaceAll(':', '')}${ETHERTYPE[type]}`
}

/** 0.0.0.0 asks whether an address is in use (RFC 5227 section 2.1). */
function ipv4Rules(addresses: readonly string[], mac: string | undefined): string[] {
  const arp = mac === undefined ? '' : ` arp saddr ether ${mac}`
  return [
    `${frame('ipv4', mac)} ip saddr ${oneOf(addresses)} goto own4`,
    `${frame('arp', mac)}${arp} arp saddr ip ${oneOf([...addresses, '0.0.0.0'])} accept`,
  ]
}

/** From no address at all, as a link that comes up does: duplicate address detection of its own, asking for routers, MLD. */
function ipv6Rules(addresses: readonly string[], link: GuardedLink): string[] {
  const from = (source: string) => `${frame('ipv6', link.mac)} ip6 saddr ${source}`
  return [
    `${from(oneOf([...addresses, linkLocal(link)]))} goto own6`,
    `${from('::')} icmpv6 type nd-neighbor-solicit ${ND_TARGET} ${targets(addresses, link)} accept`,
    `${from('::')} icmpv6 type { nd-router-solicit, mld-listener-report, mld2-listener-report } accept`,
  ]
}

function own6Rules(addresses: readonly string[], link: GuardedLink): string[] {
  return [
    'icmpv6 type { nd-router-advert, nd-redirect } counter drop',
    `icmpv6 type nd-neighbor-advert ${ND_TARGET} != ${targets(addresses, link)} counter drop`,
    'udp sport 547 counter drop',
    'accept',
  ]
}

function linkLocal({ mac, sharesMac }: GuardedLink): string {
  return mac === undefined || sharesMac ? 'fe80::/64' : linkLocalOf(mac)
}

/** As numbers, which is what the target is to nft; the link-local ones of a shared MAC are all of fe80::/64. */
function targets(addresses: readonly string[], link: GuardedLink): string {
  const number = (address: string) => `0x${parseAddress(address).value.toString(16)}`
  const local = linkLocal(link)
  if (!local.includes('/')) return oneOf([...addresses, local].map(number))
  const first = parseAddress('fe80::').value
  return oneOf([...addresses.map(number), `0x${first.toString(16)}-0x${(first + (1n << 64n) - 1n).toString(16)}`])
}

/** The link-local address that follows from a MAC (RFC 4291 appendix A). */
export function linkLocalOf(mac: string): string {
  const [a = 0, ...rest] = mac.split(':').map((octet) => Number.parseInt(octet, 16))
  const [b = 0, c = 0, d = 0, e = 0, f = 0] = rest
  const id = [a ^ 0x02, b, c, 0xff, 0xfe, d, e, f].reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
  return formatAddress({ family: 6, value: (0xfe80n << 112n) | id })
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] ?? '') : `{ ${values.join(', ')} }`
}
