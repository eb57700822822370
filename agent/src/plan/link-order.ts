/** Which links stand on which: parents before children when making, the other way round when removing. */
import { type Link, type LinkRef, parentOf } from '@weft/shared'
import { linkKey } from './link-kinds.ts'

/** What must exist for the link to be made: its parent, its bridge, its underlay. */
export function dependencies(link: Link): LinkRef[] {
  const refs: LinkRef[] = []
  const parent = parentOf(link)
  if (parent !== undefined) refs.push(parent)
  if (link.kind === 'vxlan') refs.push({ netns: '', name: link.underlay })
  if (typeof link.master === 'string') refs.push({ netns: link.netns, name: link.master })
  return refs
}

/** Links sorted by height above what they stand on, then by netns and name; `also` names further dependencies by key. */
export function parentsFirst(links: Iterable<Link>, also: ReadonlyMap<string, LinkRef> = new Map()): Link[] {
  const byKey = new Map([...links].map((link) => [linkKey(link), link]))
  const heights = new Map<string, number>()
  const heightOf = (key: string): number => {
    const link = byKey.get(key)
    if (link === undefined) return 0
    const known = heights.get(key)
    if (known !== undefined) return known
    // A loop cannot exist in the kernel; should one be desired, this ends and the kernel names it.
    heights.set(key, 0)
    const extra = also.get(key)
    const below = extra === undefined ? dependencies(link) : [...dependencies(link), extra]
    const height = below.reduce((highest, ref) => Math.max(highest, heightOf(linkKey(ref)) + 1), 1)
    heights.set(key, height)
    return height
  }
  return [...byKey.entries()].sort(([a], [b]) => heightOf(a) - heightOf(b) || (a < b ? -1 : 1)).map(([, link]) => link)
}
