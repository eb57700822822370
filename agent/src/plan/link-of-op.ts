/** The link that an op is about, by its key; undefined for one about the whole host. */
import type { Op } from '@weft/shared'
import { linkKey } from './link-kinds.ts'

export function linkOfOp(op: Op): string | undefined {
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
    case 'vxlan-filter-set':
      return undefined
  }
}
