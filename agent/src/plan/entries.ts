/**
 * The one comparison behind addresses, routes, neighbours and FDB entries: which to set, which to remove.
 *
 * Invariants
 * - Entries are removed only from links that are ours, required and outside sandboxes.
 * - Entries of a link that is not there, or that a conflict holds, wait.
 */
import type { Link } from '@weft/shared'
import type { Fates } from './link-fates.ts'
import { isSandbox } from './link-kinds.ts'

export interface OnLink {
  readonly netns: string
  readonly link: string
}

export interface EntryKind<E extends OnLink> {
  /** Tells entries of one link apart. */
  readonly keyOf: (entry: E) => string
  /** What may differ between two entries of one key. */
  readonly valueOf: (entry: E) => string
  /** True when the kernel lost the observed entry, though its link stays. */
  readonly isLost?: (entry: E) => boolean
}

/** Each list sorted by netns, link and key. */
export function diffEntries<E extends OnLink>(
  kind: EntryKind<E>,
  desired: readonly E[],
  observed: readonly E[],
  fates: Fates,
): { set: E[]; remove: E[] } {
  const standings = new Map<string, Standing>()
  const links = new Map(fates.ordered.map((link) => [`${link.netns} ${link.name}`, link]))
  const standingOf = (entry: E): Standing => {
    const key = `${entry.netns} ${entry.link}`
    const known = standings.get(key)
    if (known !== undefined) return known
    const standing = standingOfLink(key, links.get(key), fates)
    standings.set(key, standing)
    return standing
  }
  const fullKey = (entry: E): string => `${entry.netns} ${entry.link} ${kind.keyOf(entry)}`

  const present = new Map<string, E>()
  for (const entry of observed) {
    if (standingOf(entry).keeps && kind.isLost?.(entry) !== true) present.set(fullKey(entry), entry)
  }
  const set = new Map<string, E>()
  const wanted = new Set<string>()
  for (const entry of desired) {
    const key = fullKey(entry)
    wanted.add(key)
    const existing = present.get(key)
    if (existing !== undefined && kind.valueOf(existing) === kind.valueOf(entry)) continue
    if (standingOf(entry).takes) set.set(key, entry)
  }
  const remove = new Map([...present].filter(([key, entry]) => !wanted.has(key) && standingOf(entry).releases))
  return { set: sorted(set), remove: sorted(remove) }
}

interface Standing {
  /** Its observed entries are still there when the entries' turn comes. */
  readonly keeps: boolean
  /** Entries can be set on it. */
  readonly takes: boolean
  /** Entries may be removed from it. */
  readonly releases: boolean
}

function standingOfLink(key: string, link: Link | undefined, fates: Fates): Standing {
  const fate = fates.of.get(key)
  if (link === undefined || fate === undefined) return { keeps: false, takes: false, releases: false }
  switch (fate.fate) {
    case 'keep':
      return { keeps: true, takes: true, releases: link.presence !== 'shared' && !isSandbox(link.netns) }
    case 'use':
      return { keeps: true, takes: true, releases: false }
    case 'make':
    case 'remake':
    case 'born':
      return { keeps: false, takes: true, releases: false }
    case 'absent':
    case 'conflict':
      return { keeps: false, takes: false, releases: false }
  }
}

function sorted<E>(entries: ReadonlyMap<string, E>): E[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
}
