/**
 * VXLAN carries no proof of origin: whoever can send UDP to the port speaks into the network. So the host takes a
 * network's packets from that network's peers only. A packet is judged by its UDP port and its VNI (RFC 7348 section 5:
 * the third word of the VXLAN header, bits 96 to 119 behind the start of UDP's), since the port is IANA's and everybody's:
 * a VNI that is not ours is let through, for Docker Swarm or whoever has it. Constant rules whose sets hold networks and
 * peers, before connection tracking, so that a flood of forged packets makes no state. Only packets to the host itself
 * are judged; VXLAN that it merely forwards is not ours.
 *
 * What is too short to have a VNI is dropped: no VXLAN device would take it, and a first fragment cut behind the UDP
 * header would otherwise carry the rest past the filter on a host that puts fragments together after it.
 *
 * Read back only when something changed: nf_tables numbers its generations per netns, one 20-byte request tells the
 * number (10 us), and while it stands still what was read last still holds. Listing a table by `nft` costs 6-8 ms.
 * A table whose rules were altered reads as no filter at all, so that the next pass puts the whole of it back.
 */
import { formatAddress, parseAddress, type VxlanFilter, WeftError } from '@weft/shared'
import { parseAttributes } from 'netlink/dist/structs.js'
import { z } from 'zod'
import { PROTOCOL } from './netlink/channel.ts'
import { type NetlinkSocket, openNetlink } from './netlink/transport.ts'
import { runProgram } from './run-program.ts'

const TABLE = 'weft_vxlan'
/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN; the reply's NFTA_GEN_ID is big-endian (linux/netfilter/nf_tables.h). */
const GET_GENERATION = { type: (10 << 8) | 16, flags: 0, payload: Buffer.alloc(4) }
const NFTA_GEN_ID = 1
const NFGENMSG_BYTES = 4
/** nft has no name for it in the version that Debian 12 has (1.0.6): 24 bits of the transport header, 12 bytes in. */
const VNI = '@th,96,24'
const MAX_VNI = 0xff_ffff
const MAX_PORT = 0xffff

export interface VxlanFilterTable {
  /** Of nf_tables in the own netns: changes with every change of any table. */
  generation(): number
  read(): Promise<readonly VxlanFilter[]>
  replace(filters: readonly VxlanFilter[]): Promise<void>
  close(): void
}

/** Opens the table of the calling thread's netns. */
export function openVxlanFilter(): VxlanFilterTable {
  const socket = openNetlink(PROTOCOL.netfilter)
  let known: { generation: number; filters: readonly VxlanFilter[] } | undefined

  const generation = () => readGeneration(socket)
  return {
    generation,
    read: async () => {
      const now = generation()
      if (known?.generation !== now) {
        const filters = parseTable(await listTable())
        // Changed while it was listed: hold nothing, so that it is read again.
        known = generation() === now ? { generation: now, filters } : undefined
        return filters
      }
      return known.filters
    },
    replace: async (filters) => {
      const before = generation()
      await runProgram('nft', ['-f', '-'], filterScript(filters))
      const now = generation()
      // A transaction is one generation: when there was no other, what was written is what a listing would tell.
      known = now === before + 1 ? { generation: now, filters: normalised(filters) } : undefined
    },
    close: () => socket.close(),
  }
}

function readGeneration(socket: NetlinkSocket): number {
  const id = socket.get(
    GET_GENERATION,
    ({ data }) => {
      let value = 0
      parseAttributes(data.subarray(NFGENMSG_BYTES), (attribute) => {
        if (attribute.type === NFTA_GEN_ID) value = attribute.data.readUInt32BE(0)
      })
      return value
    },
    [],
  )
  return id ?? 0
}

/**
 * The whole table as nft text; one transaction, whether the table was there or not. Every value is parsed and printed
 * anew, so that none can carry a word of nft. Throws `invalid` for what is no address, no port or no VNI.
 */
export function filterScript(given: readonly VxlanFilter[]): string {
  const filters = given.map(({ udpPort, vni, peers }) => ({
    udpPort: checked(udpPort, MAX_PORT, 'not a UDP port'),
    network: `${udpPort} . ${checked(vni, MAX_VNI, 'not a VNI')}`,
    peers: peers.map((peer) => formatAddress(parseAddress(peer))),
  }))
  const clear = `add table inet ${TABLE}\ndelete table inet ${TABLE}\n`
  if (filters.length === 0) return clear
  const peers = (wanted: (peer: string) => boolean) =>
    elements(filters.flatMap(({ network, peers }) => peers.filter(wanted).map((peer) => `${peer} . ${network}`)))
  const isV6 = (peer: string) => peer.includes(':')
  return `${clear}table inet ${TABLE} {
  set ports { type inet_service; ${elements(filters.map(({ udpPort }) => String(udpPort)))} }
  set networks { typeof udp dport . ${VNI}; ${elements(filters.map(({ network }) => network))} }
  set peers4 { typeof ip saddr . udp dport . ${VNI}; ${peers((peer) => !isV6(peer))} }
  set peers6 { typeof ip6 saddr . udp dport . ${VNI}; ${peers(isV6)} }
  chain judge {
    ip saddr . udp dport . ${VNI} @peers4 accept
    ip6 saddr . udp dport . ${VNI} @peers6 accept
    udp dport . ${VNI} @networks counter drop
    ${VNI} 0-${MAX_VNI} accept
    counter drop
  }
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    udp dport @ports fib daddr type local goto judge
  }
}
`
}

function checked(value: number, max: number, what: string): number {
  if (Number.isInteger(value) && value > 0 && value <= max) return value
  throw new WeftError('invalid', { what, on: String(value), why: `1 to ${max}` })
}

/** As parseTable tells it. */
function normalised(filters: readonly VxlanFilter[]): VxlanFilter[] {
  return filters
    .map(({ udpPort, vni, peers }) => ({
      udpPort,
      vni,
      peers: [...new Set(peers.map((peer) => formatAddress(parseAddress(peer))))].sort(),
    }))
    .sort((a, b) => a.udpPort - b.udpPort || a.vni - b.vni)
}

function elements(list: readonly string[]): string {
  return list.length === 0 ? '' : `elements = { ${[...new Set(list)].join(', ')} }`
}

async function listTable(): Promise<unknown> {
  try {
    return JSON.parse(await runProgram('nft', ['-j', 'list', 'table', 'inet', TABLE]))
  } catch (error) {
    if (error instanceof WeftError && error.parts.why?.includes('No such file or directory')) return { nftables: [] }
    throw error
  }
}

const Listing = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) })
const SetObject = z.object({ name: z.string(), elem: z.array(z.unknown()).default([]) })
const ChainObject = z.object({ name: z.string(), hook: z.string().optional(), prio: z.number().optional() })
const RuleObject = z.object({ chain: z.string(), expr: z.array(z.record(z.string(), z.unknown())) })
/** (UDP port, VNI). nft tells a raw payload as a number, whatever the base that its text shows. */
const NetworkElement = z.object({ concat: z.tuple([z.number(), z.number()]) })
const PeerElement = z.object({ concat: z.tuple([z.string(), z.number(), z.number()]) })
const MatchOfSet = z.object({ right: z.string() })
const RAW_PRIORITY = -300

/** Filters of a listing (`nft -j list table`); none when its rules are not the ones that we write. */
export function parseTable(listing: unknown): VxlanFilter[] {
  const objects = Listing.parse(listing).nftables
  const all = <T>(kind: string, schema: z.ZodType<T>): T[] =>
    objects.flatMap((object) => (object[kind] === undefined ? [] : [schema.parse(object[kind])]))
  const sets = new Map(all('set', SetObject).map((set) => [set.name, set.elem]))
  if (!rulesStand(all('chain', ChainObject), all('rule', RuleObject))) return []
  const networks = z.array(NetworkElement).parse(sets.get('networks') ?? [])
  const peers = z.array(PeerElement).parse([...(sets.get('peers4') ?? []), ...(sets.get('peers6') ?? [])])
  const ports = new Set(z.array(z.number()).parse(sets.get('ports') ?? []))
  return (
    networks
      // A network whose port is not looked at is not guarded.
      .filter(({ concat: [udpPort] }) => ports.has(udpPort))
      .map(({ concat: [udpPort, vni] }) => ({
        udpPort,
        vni,
        peers: peers
          .filter(({ concat: [, port, number] }) => port === udpPort && number === vni)
          .map(({ concat: [peer] }) => peer)
          .sort(),
      }))
      .sort((a, b) => a.udpPort - b.udpPort || a.vni - b.vni)
  )
}

/** The shape of our rules: what each looks at and does, in order, and where the chain hooks in. */
function rulesStand(
  chains: readonly z.infer<typeof ChainObject>[],
  rules: readonly z.infer<typeof RuleObject>[],
): boolean {
  const hook = chains.find((chain) => chain.name === 'prerouting')
  const shapes = (chain: string) =>
    rules
      .filter((rule) => rule.chain === chain)
      .map((rule) => rule.expr.map(shapeOf).join(' '))
      .join('; ')
  return (
    hook?.hook === 'prerouting' &&
    hook.prio === RAW_PRIORITY &&
    shapes('prerouting') === 'match @ports match local goto' &&
    shapes('judge') ===
      'match @peers4 accept; match @peers6 accept; match @networks counter drop; match accept; counter drop'
  )
}

/** The statement's name and, of a match, the set or word on its right: what every version of nft prints alike. */
function shapeOf(statement: Readonly<Record<string, unknown>>): string {
  const name = Object.keys(statement)[0] ?? ''
  const match = MatchOfSet.safeParse(statement[name])
  return match.success ? `${name} ${match.data.right}` : name
}
