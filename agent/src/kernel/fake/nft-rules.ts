/** nft tables as the kernel takes them: all or nothing, in place of what was there; hooks stand on links that exist. */
import {
  type ComingLink,
  type NftTable,
  type NftTableRef,
  nftTableKey,
  nftTableScript,
  normalNftTable,
  WeftError,
} from '@weft/shared'
import { type FakeWorld, linkKey } from './world.ts'

export function setTable(world: FakeWorld, table: NftTable, coming?: ComingLink): void {
  refuseForeign(world, table)
  // What the text refuses, it refuses.
  nftTableScript(table)
  if (!world.netns.has(table.netns)) throw new WeftError('not_found', { what: 'no such namespace', on: table.netns })
  for (const { hook } of table.chains) {
    const { device } = hook ?? {}
    if (device === undefined) continue
    const where = coming?.link ?? { netns: table.netns, name: device }
    if (world.links.has(linkKey(where))) continue
    throw new WeftError('not_found', { what: 'no such link', on: device, why: `chain of table ${table.name}` })
  }
  world.tables.set(nftTableKey(table), normalNftTable(table))
}

export function deleteTable(world: FakeWorld, table: NftTableRef): void {
  refuseForeign(world, table)
  world.tables.delete(nftTableKey(table))
}

function refuseForeign(world: FakeWorld, table: NftTableRef): void {
  if (!world.foreignTables.has(nftTableKey(table))) return
  throw new WeftError('denied', { what: 'nft table is not ours', on: `${table.family} ${table.name}` })
}
