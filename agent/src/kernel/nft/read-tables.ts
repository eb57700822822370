/**
 * What nf_tables holds of ours, by netlink (linux/netfilter/nf_tables.h): which tables carry our mark, and a fingerprint
 * of each. The kernel's own words are hashed, not understood: whoever adds, removes or alters a chain, rule, set or
 * element changes them. Left out is what traffic changes: counters, and the members of sets that rules fill.
 *
 * One 20-byte request tells the number of the generation (10 us); while it stands still nothing was changed.
 */
import { createHash } from 'node:crypto'
import { NFT_TABLE_COMMENT, type NftTableRef } from '@weft/shared'
import { parseAttributes } from 'netlink/dist/structs.js'
import { attributes, type Request } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/transport.ts'

/** NFNL_SUBSYS_NFTABLES << 8, and the NFT_MSG_GET… of each kind. */
const SUBSYSTEM = 10 << 8
const GET = { table: 1, chain: 4, rule: 7, set: 10, element: 13, generation: 16 } as const
/** struct nfgenmsg: family, version, resource id; of a dump the last is the generation's low half. */
const NFGENMSG_BYTES = 4
const NESTED_MASK = 0x3fff

const NFTA_GEN_ID = 1
const NFTA_TABLE = { name: 1, userdata: 6 } as const
const NFTA_CHAIN = { table: 1, counters: 8 } as const
const NFTA_RULE = { table: 1, expressions: 4 } as const
const NFTA_EXPR = { name: 1, data: 2 } as const
const NFTA_SET = { table: 1, name: 2, flags: 3 } as const
const NFTA_ELEMENTS = { table: 1, set: 2, list: 3 } as const
/** NFT_SET_TIMEOUT and NFT_SET_EVAL: members come and go by themselves. */
const DYNAMIC_SET = 0x10 | 0x20
/** NFTNL_UDATA_TABLE_COMMENT of libnftnl: type, length, text with its NUL. */
const COMMENT = Buffer.from([0, NFT_TABLE_COMMENT.length + 1, ...Buffer.from(`${NFT_TABLE_COMMENT}\0`)])

/** NFPROTO_… */
const FAMILIES = { ip: 2, ip6: 10, inet: 1, arp: 3, bridge: 7, netdev: 5 } as const satisfies Record<
  NftTableRef['family'],
  number
>
const familyNames = new Map<number, NftTableRef['family']>(
  Object.entries(FAMILIES).map(([name, number]) => [number, name as NftTableRef['family']]),
)

export type FoundTable = Pick<NftTableRef, 'family' | 'name'>

/** Changes with every change of any table of the socket's netns. */
export function readGeneration(socket: NetlinkSocket): number {
  const read = (data: Buffer) => listOf(data.subarray(NFGENMSG_BYTES)).find(({ type }) => type === NFTA_GEN_ID)
  return socket.get(request(GET.generation, 0), ({ data }) => read(data)?.data.readUInt32BE(0) ?? 0, []) ?? 0
}

/** Every table of the netns, and whether it is ours. */
export function dumpTables(socket: NetlinkSocket): (FoundTable & { readonly owned: boolean })[] {
  return socket.dump(request(GET.table, 0), ({ data }) => {
    const family = familyNames.get(data[0] ?? 0)
    const list = listOf(data.subarray(NFGENMSG_BYTES))
    const name = textOf(list, NFTA_TABLE.name)
    if (family === undefined || name === undefined) return undefined
    const comment = list.find(({ type }) => type === NFTA_TABLE.userdata)?.data
    return { family, name, owned: comment?.equals(COMMENT) === true }
  })
}

/** A number that stays the same as long as nobody alters the table. */
export function fingerprint(socket: NetlinkSocket, { family, name }: FoundTable): string {
  const number = FAMILIES[family]
  const dump = <T>(kind: number, filter: Buffer, row: (list: Attribute[]) => T | undefined): T[] =>
    socket.dump(request(kind, number, filter), ({ data }) => row(listOf(data.subarray(NFGENMSG_BYTES))))
  const ofTable = attributes([[NFTA_RULE.table, text(name)]])
  const chains = dump(GET.chain, Buffer.alloc(0), (list) =>
    textOf(list, NFTA_CHAIN.table) === name
      ? hashOf(list.filter(({ type }) => type !== NFTA_CHAIN.counters))
      : undefined,
  )
  const rules = dump(GET.rule, ofTable, (list) => hashOf(list.flatMap(withoutState)))
  const sets = dump(GET.set, ofTable, (list) => ({
    hash: hashOf(list),
    name: textOf(list, NFTA_SET.name) ?? '',
    dynamic: ((list.find(({ type }) => type === NFTA_SET.flags)?.data.readUInt32BE(0) ?? 0) & DYNAMIC_SET) !== 0,
  }))
  const elements = sets
    .filter(({ dynamic }) => !dynamic)
    .map((set) => {
      const filter = attributes([
        [NFTA_ELEMENTS.table, text(name)],
        [NFTA_ELEMENTS.set, text(set.name)],
      ])
      const found = dump(GET.element, filter, (list) =>
        list
          .filter(({ type }) => type === NFTA_ELEMENTS.list)
          .flatMap(({ data }) => listOf(data).map(({ data }) => hashOf(listOf(data)))),
      )
      // A hash table grows behind our back, and tells its members in another order.
      return [set.hash, ...found.flat().sort()]
    })
  return sha256([chains.sort(), rules, sets.map(({ hash }) => hash).sort(), elements.sort()].flat(2).join(' '))
}

interface Attribute {
  readonly type: number
  readonly data: Buffer
}

function listOf(bytes: Buffer): Attribute[] {
  const list: Attribute[] = []
  parseAttributes(bytes, ({ type, data }) => list.push({ type: type & NESTED_MASK, data }))
  return list
}

/** Of a rule's expressions those that keep a state are told by name only. */
function withoutState(attribute: Attribute): Attribute[] {
  if (attribute.type !== NFTA_RULE.expressions) return [attribute]
  return listOf(attribute.data).flatMap(({ data }) => {
    const expression = listOf(data)
    const keepsState = /^(counter|quota|last)$/.test(textOf(expression, NFTA_EXPR.name) ?? '')
    return keepsState ? expression.filter(({ type }) => type !== NFTA_EXPR.data) : expression
  })
}

function hashOf(list: readonly Attribute[]): string {
  return sha256(list.map(({ type, data }) => `${type} ${data.toString('hex')}`).join(';'))
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}

function textOf(list: readonly Attribute[], wanted: number): string | undefined {
  const found = list.find(({ type }) => type === wanted)?.data
  return found?.subarray(0, found.length - 1).toString('latin1')
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`)
}

function request(kind: number, family: number, filter: Buffer = Buffer.alloc(0)): Request {
  return { type: SUBSYSTEM | kind, flags: 0, payload: Buffer.concat([Buffer.from([family, 0, 0, 0]), filter]) }
}
