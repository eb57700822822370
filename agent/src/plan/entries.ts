/**
 * The one comparison behind addresses, routes, neighbours and FDB entries: which to set, which to remove.
 *
 * Invariants
 * - Entries are removed only from links that are ours, required and outside sandboxes; or where they carry our mark.
 * - Entries of a link that is not there, or that a conflict holds, wait.
 */
import { isSandbox, type Link } from '@weft/shared'
import type { Fate, Fates } from './link-fates.ts'
import { linkKey } from './link-kinds.ts'

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
  /** Tells our entries by themselves: then they alone are removed, wherever they are. Otherwise the link decides. */
  readonly isOurs?: (entry: E) => boolean
}

/** Each list sorted by netns, link and key. */
export function diffEntries<E extends OnLink>(
  kind: EntryKind<E>,
  desired: readonly E[],
  observed: readonly E[],
  fates: Fates,
): { set: E[]; remove: E[] } {
  const links = new Map(fates.ordered.map((link) => [linkKey(link), link]))
  const standings = new Map<string, Standing>()
  let last: Standing | undefined
  const standingOf = ({ netns, link }: E): Standing => {
    // Entries come link by link: most need no look-up.
    if (last?.netns === netns && last.link === link) return last
    const key = linkKey({ netns, name: link })
    last = standings.get(key) ?? { netns, link, key, ...rights(links.get(key), fates.of.get(key)) }
    standings.set(key, last)
    return last
  }

  const present = new Map<string, E>()
  for (const entry of observed) {
    const { keeps, key } = standingOf(entry)
    if (keeps && kind.isLost?.(entry) !== true) present.set(`${key} ${kind.keyOf(entry)}`, entry)
  }
  const set = new Map<string, E>()
  const wanted = new Set<string>()
  for (const entry of desired) {
    const standing = standingOf(entry)
    const key = `${standing.key} ${kind.keyOf(entry)}`
    wanted.add(key)
    const existing = present.get(key)
    if (existing !== undefined && kind.valueOf(existing) === kind.valueOf(entry)) continue
    if (standing.takes) set.set(key, entry)
  }
  const isReleased = (entry: E) => kind.isOurs?.(entry) ?? standingOf(entry).releases
  const remove = new Map([...present].filter(([key, entry]) => !wanted.has(key) && isReleased(entry)))
  return { set: sorted(set), remove: sorted(remove) }
}

interface Rights {
  /** Its observed entries are still there when the entries' turn comes. */
  readonly keeps: boolean
  /** Entries can be set on it. */
  readonly takes: boolean
  /** Entries may be removed from it. */
  readonly releases: boolean
}
type Standing = OnLink & Rights & { readonly key: string }

function rights(link: Link | undefined, fate: Fate | undefined): Rights {
  switch (fate?.fate) {
    case 'keep':
      return { keeps: true, takes: true, releases: link?.presence !== 'shared' && !isSandbox(link?.netns ?? '') }
    case 'use':
      return { keeps: true, takes: true, releases: false }
    case 'make':
    case 'remake':
    case 'born':
      return { keeps: false, takes: true, releases: false }
    case 'absent':
    case 'conflict':
    case undefined:
      return { keeps: false, takes: false, releases: false }
  }
}

function sorted<E>(entries: ReadonlyMap<string, E>): E[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
}
