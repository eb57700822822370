/**
 * Forwarding entries. A MAC has one VTEP on a vxlan device, save the all-zero MAC, whose entries are the flood list, one
 * a peer. Entries of a bridge port belong to the bridge: they go when the port leaves it.
 */
import type { FdbEntry, HostState, Op } from '@weft/shared'
import { diffEntries, type EntryKind } from './entries.ts'
import type { Fates } from './link-fates.ts'

const FLOOD_MAC = '00:00:00:00:00:00'

export function fdbOps(
  desired: HostState,
  observed: HostState,
  fates: Fates,
  joining: ReadonlySet<string>,
): { set: Op[]; remove: Op[] } {
  const kind: EntryKind<FdbEntry> = {
    keyOf: ({ mac, vtep }) => (vtep === undefined ? `${mac} port` : mac === FLOOD_MAC ? `${mac} ${vtep}` : mac),
    valueOf: ({ vtep }) => vtep ?? '',
    isLost: ({ netns, link, vtep }) => vtep === undefined && joining.has(`${netns} ${link}`),
  }
  const { set, remove } = diffEntries(kind, desired.fdb, observed.fdb, fates)
  return {
    set: set.map((entry) => ({ op: 'fdb-set', entry })),
    remove: remove.map((entry) => ({ op: 'fdb-delete', entry })),
  }
}
