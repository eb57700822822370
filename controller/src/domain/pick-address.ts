/** Choosing a free address for a write that follows, and letting it go when the cache knows what became of it. */
import { addressToHex, formatAddress } from '@weft/shared'
import type { DomainDeps } from './deps.ts'
import { exhausted } from './pure/holders.ts'
import type { Stored, SubnetRecord } from './pure/records.ts'
import type { ClusterView } from './pure/view.ts'

export interface Picked {
  readonly subnet: Stored<SubnetRecord>
  readonly ip: string
  readonly hex: string
}

/** Of one family, in the order in which they are to be filled. */
export type Subnets = readonly [Stored<SubnetRecord>, ...Stored<SubnetRecord>[]]

/**
 * Chooses and holds the next candidate of the first subnet that has one; undefined when the caller should look again.
 * @throws `exhausted`, only after etcd itself was asked
 */
export async function pickAddress(deps: DomainDeps, network: string, subnets: Subnets): Promise<Picked | undefined> {
  const { cluster } = deps
  const [first] = subnets
  const found = firstFree(deps, cluster.current(), subnets)
  if (found !== undefined) return found
  const underWay = subnets.map(({ value }) => cluster.desk.nextRelease(value.uid)).find((each) => each !== undefined)
  if (underWay !== undefined) {
    await underWay
    return undefined
  }
  // The cache says full and nothing is under way: let etcd's own revision decide before saying so.
  const view = await cluster.newest()
  const late = firstFree(deps, view, subnets)
  if (late !== undefined) return late
  if (subnets.some(({ value }) => cluster.desk.nextRelease(value.uid) !== undefined)) return undefined
  throw exhausted(view, network, first.value)
}

function firstFree(deps: DomainDeps, view: ClusterView, subnets: Subnets): Picked | undefined {
  for (const subnet of subnets) {
    const address = deps.cluster.desk.pick(view, subnet.value.uid)
    if (address !== undefined) return { subnet, ip: formatAddress(address), hex: addressToHex(address) }
  }
  return undefined
}

/** @param settledAt revision at which its fate was decided; undefined when nothing was written */
export function letGo(deps: DomainDeps, subnet: string, hex: string, settledAt: number | undefined): void {
  const release = () => deps.cluster.desk.release(subnet, hex)
  if (settledAt === undefined || deps.cluster.current().revision >= settledAt) release()
  else deps.cluster.waitFor(settledAt).then(release, release)
}
