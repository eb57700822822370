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

/** `made` are links made in the same plan: what hooked into one of that name before went with it. */
export function nftTableOps(desired: HostState, observed: HostState, made: readonly LinkRef[]): NftTableOps {
  const there = new Map(observed.nftTables.map((table) => [nftTableKey(table), table]))
  const wanted = new Set(desired.nftTables.map(nftTableKey))
  const fresh = new Set(made.map(linkKey))
  const due = inOrder(desired.nftTables).filter((table) => {
    const found = there.get(nftTableKey(table))
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

function devicesOf({ netns, chains }: NftTable): string[] {
  return chains.flatMap(({ hook }) => (hook?.device === undefined ? [] : linkKey({ netns, name: hook.device })))
}

function inOrder(tables: readonly NftTable[]): NftTable[] {
  return [...tables].sort((a, b) => (nftTableKey(a) < nftTableKey(b) ? -1 : 1))
}
