/**
 * From what should be and what is to what must be done. Pure: the same input gives the same list.
 *
 * Order: entries of links that stay go first, then links, children before parents, then namespaces. Then new namespaces and
 * nft tables (so that no device is ever open to strangers), flows that these lead elsewhere, the routing that gateways need, new links, parents before children; attributes, the tables that
 * hook into a link, addresses (add before delete), FDB and neighbours, `up`. Routes come after `up`, against STYLE: the
 * kernel refuses a route through a link that is down.
 *
 * Invariants
 * - `diff(x, x)` is empty, and so is the diff after the ops were applied.
 * - What is not ours is never touched: it is returned as a conflict when it is in the way.
 * - In a sandbox only what is explicitly desired is made or made anew; nothing else of the container's is removed.
 */
import type { HostState, Op } from '@weft/shared'
import { addressOps } from './addresses.ts'
import { fdbOps } from './fdb.ts'
import { flowOps } from './flows.ts'
import { hostForwardingOps } from './host-forwarding.ts'
import { type Conflict, decideFates } from './link-fates.ts'
import { linkOps } from './links.ts'
import { namespaceOps } from './namespaces.ts'
import { neighbourOps } from './neighbours.ts'
import { nftTableOps } from './nft-tables.ts'
import { routeOps } from './routes.ts'

export interface Diff {
  readonly ops: Op[]
  /** Links that cannot be as desired, and why; what stands on them waits. */
  readonly conflicts: Conflict[]
}

export function diff(desired: HostState, observed: HostState): Diff {
  const fates = decideFates(desired, observed)
  const links = linkOps(fates)
  const namespaces = namespaceOps(desired, observed)
  const routes = routeOps(desired, observed, fates)
  const neighbours = neighbourOps(desired, observed, fates)
  const fdb = fdbOps(desired, observed, fates, links.joining)
  const addresses = addressOps(desired, observed, fates)
  const tables = nftTableOps(desired, observed, [...links.removals, ...links.creations])
  return {
    ops: [
      ...routes.remove,
      ...neighbours.remove,
      ...fdb.remove,
      ...links.removals,
      ...namespaces.remove,
      ...namespaces.add,
      ...tables.remove,
      ...tables.set,
      ...flowOps(desired, observed),
      ...hostForwardingOps(desired, observed),
      ...links.creations,
      ...links.attributes,
      ...tables.setOnLinks,
      ...addresses.add,
      ...addresses.remove,
      ...fdb.set,
      ...neighbours.set,
      ...links.ups,
      ...routes.set,
    ],
    conflicts: links.conflicts,
  }
}
