/** What an op is about: the link, by its key, the nft table, or the host. */
import { type NftTableRef, nftTableKey, type Op } from '@weft/shared'
import { linkKey } from './link-kinds.ts'

export function subjectOfOp(op: Op): string {
  switch (op.op) {
    case 'link-add':
      return linkKey(op.link)
    case 'link-delete':
    case 'link-set':
      return linkKey(op)
    case 'address-add':
    case 'address-delete':
      return linkKey({ netns: op.address.netns, name: op.address.link })
    case 'route-set':
    case 'route-delete':
      return linkKey({ netns: op.route.netns, name: op.route.link })
    case 'neighbour-set':
    case 'neighbour-delete':
      return linkKey({ netns: op.neighbour.netns, name: op.neighbour.link })
    case 'fdb-set':
    case 'fdb-delete':
      return linkKey({ netns: op.entry.netns, name: op.entry.link })
    case 'netns-add':
      return `netns ${op.namespace.netns}`
    case 'netns-delete':
      return `netns ${op.netns}`
    case 'nft-table-set':
    case 'nft-table-delete':
      return tableSubject(op.table)
    case 'flows-forget':
      return 'flows'
    case 'host-forwarding-set':
      return 'host forwarding'
  }
}

export function tableSubject(table: NftTableRef): string {
  return `table ${nftTableKey(table)}`
}
