/**
 * VXLAN carries no proof of origin: whoever can send UDP to the port speaks into the network. So the host takes it from
 * peers only: a table of constant rules whose sets hold ports and peers, before connection tracking, so that a flood of
 * forged packets makes no state. Only packets to the host itself are judged; VXLAN that it merely forwards is not ours.
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
      await runProgram('nft', ['-f', '-'], filterScript(filters))
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
 * anew, so that none can carry a word of nft. Throws `invalid` for what is no address or no port.
 */
export function filterScript(given: readonly VxlanFilter[]): string {
  const filters = given.map(({ udpPort, peers }) => ({
    udpPort: checkedPort(udpPort),
    peers: peers.map((peer) => formatAddress(parseAddress(peer))),
  }))
  const clear = `add table inet ${TABLE}\ndelete table inet ${TABLE}\n`
  if (filters.length === 0) return clear
  const peers = (wanted: (peer: string) => boolean) =>
    elements(filters.flatMap(({ udpPort, peers }) => peers.filter(wanted).map((peer) => `${peer} . ${udpPort}`)))
  const isV6 = (peer: string) => peer.includes(':')
  return `${clear}table inet ${TABLE} {
  set ports { type inet_service; ${elements(filters.map(({ udpPort }) => String(udpPort)))} }
  set peers4 { type ipv4_addr . inet_service; ${peers((peer) => !isV6(peer))} }
  set peers6 { type ipv6_addr . inet_service; ${peers(isV6)} }
  chain from_peers {
    ip saddr . udp dport @peers4 accept
    ip6 saddr . udp dport @peers6 accept
    counter drop
  }
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    udp dport @ports fib daddr type local goto from_peers
  }
}
`
}

function checkedPort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port <= 0xffff) return port
  throw new WeftError('invalid', { what: 'not a UDP port', on: String(port), why: '1 to 65535' })
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
const PeerElement = z.object({ concat: z.tuple([z.string(), z.number()]) })
const RAW_PRIORITY = -300

/** Filters of a listing (`nft -j list table`); none when its rules are not the ones that we write. */
export function parseTable(listing: unknown): VxlanFilter[] {
  const objects = Listing.parse(listing).nftables
  const all = <T>(kind: string, schema: z.ZodType<T>): T[] =>
    objects.flatMap((object) => (object[kind] === undefined ? [] : [schema.parse(object[kind])]))
  const sets = new Map(all('set', SetObject).map((set) => [set.name, set.elem]))
  if (!rulesStand(all('chain', ChainObject), all('rule', RuleObject))) return []
  const peers = [...(sets.get('peers4') ?? []), ...(sets.get('peers6') ?? [])].map(
    (element) => PeerElement.parse(element).concat,
  )
  return z
    .array(z.number())
    .parse(sets.get('ports') ?? [])
    .map((udpPort) => ({
      udpPort,
      peers: peers
        .filter(([, port]) => port === udpPort)
        .map(([peer]) => peer)
        .sort(),
    }))
    .sort((a, b) => a.udpPort - b.udpPort)
}

/** The shape of our rules: what each does at its end, in order, and where the chain hooks in. */
function rulesStand(
  chains: readonly z.infer<typeof ChainObject>[],
  rules: readonly z.infer<typeof RuleObject>[],
): boolean {
  const hook = chains.find((chain) => chain.name === 'prerouting')
  const ends = (chain: string) =>
    rules
      .filter((rule) => rule.chain === chain)
      .map((rule) => Object.keys(rule.expr.at(-1) ?? {})[0] + String(rule.expr.length))
      .join(' ')
  return (
    hook?.hook === 'prerouting' &&
    hook.prio === RAW_PRIORITY &&
    ends('prerouting') === 'goto3' &&
    ends('from_peers') === 'accept2 accept2 drop2'
  )
}
