/** Addresses of links: what is missing is added, and before that nothing is taken away. */
import type { HostState, Op } from '@weft/shared'
import { diffEntries } from './entries.ts'
import type { Fates } from './link-fates.ts'

export function addressOps(desired: HostState, observed: HostState, fates: Fates): { add: Op[]; remove: Op[] } {
  const kind = { keyOf: ({ address }: { address: string }) => address, valueOf: () => '' }
  const { set, remove } = diffEntries(kind, desired.addresses, observed.addresses, fates)
  return {
    add: set.map((address) => ({ op: 'address-add', address })),
    remove: remove.map((address) => ({ op: 'address-delete', address })),
  }
}
