/** Permanent neighbours: one MAC an IP address and link. */
import type { HostState, Neighbour, Op } from '@weft/shared'
import { diffEntries, type EntryKind } from './entries.ts'
import type { Fates } from './link-fates.ts'

const NEIGHBOURS: EntryKind<Neighbour> = { keyOf: ({ ip }) => ip, valueOf: ({ mac }) => mac }

export function neighbourOps(desired: HostState, observed: HostState, fates: Fates): { set: Op[]; remove: Op[] } {
  const { set, remove } = diffEntries(NEIGHBOURS, desired.neighbours, observed.neighbours, fates)
  return {
    set: set.map((neighbour) => ({ op: 'neighbour-set', neighbour })),
    remove: remove.map((neighbour) => ({ op: 'neighbour-delete', neighbour })),
  }
}
