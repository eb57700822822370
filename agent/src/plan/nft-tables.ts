/** nft tables are replaced as a whole, in one transaction, whenever they differ. */
import { type HostState, type LinkRef, type NftTable, nftTableKey, type Op, sameNftTable } from '@weft/shared'
import { linkKey } from './link-kinds.ts'

export interface NftTableOps {
  /** Of tables that hook into no link: they stand before the links that they guard. */
  readonly set: Op[]
  /** Of tables that hook into a link, which must be there. */
  readonly setOnLinks: Op[]
  readonly remove: Op[]
}

/**
 * `links` are the ops on links of the same plan. What hooks into a link that is not there, as while Docker moves it, waits;
 * what hooked into one that is made anew went with the old one.
 */
export function nftTableOps(desired: HostState, observed: HostState, links: readonly Op[]): NftTableOps {
  const there = new Map(observed.nftTables.map((table) => [nftTableKey(table), table]))
  const wanted = new Set(desired.nftTables.map(nftTableKey))
  const fresh = new Set(links.flatMap(madeBy).map(linkKey))
  const gone = new Set(links.flatMap((op) => (op.op === 'link-delete' ? linkKey(op) : [])))
  const present = new Set([...fresh, ...observed.links.map(linkKey).filter((key) => !gone.has(key))])
  const due = inOrder(desired.nftTables).filter((table) => {
    if (table.presence === 'tolerated') return false
    const found = there.get(nftTableKey(table))
    if (!devicesOf(table).every((key) => present.has(key))) return false
    return found === undefined || !sameNftTable(found, table) || devicesOf(table).some((key) => fresh.has(key))
  })
  const set = (table: NftTable): Op => ({ op: 'nft-table-set', table })
  return {
    set: due.filter((table) => devicesOf(table).length === 0).map(set),
    setOnLinks: due.filter((table) => devicesOf(table).length > 0).map(set),
    remove: inOrder(observed.nftTables)
      .filter((table) => !wanted.has(nftTableKey(table)))
      .map(({ netns, family, name }) => ({ op: 'nft-table-delete', table: { netns, family, name } })),
  }
}

/** A veth pair is made as its port end. */
function madeBy(op: Op): LinkRef[] {
  if (op.op !== 'link-add') return []
  const { link } = op
  return link.kind === 'veth' && link.peer !== undefined ? [link, link.peer] : [link]
}

function devicesOf({ netns, chains }: NftTable): string[] {
  return chains.flatMap(({ hook }) => (hook?.device === undefined ? [] : linkKey({ netns, name: hook.device })))
}

function inOrder(tables: readonly NftTable[]): NftTable[] {
  return [...tables].sort((a, b) => (nftTableKey(a) < nftTableKey(b) ? -1 : 1))
}
