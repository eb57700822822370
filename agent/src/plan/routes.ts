/**
 * Routes of sandboxes. A destination that the container already reaches through another of its interfaces is its own or
 * Docker's choice, and is left alone.
 */
import type { HostState, Op, Route } from '@weft/shared'
import { diffEntries, type EntryKind } from './entries.ts'
import type { Fates } from './link-fates.ts'

const ROUTES: EntryKind<Route> = { keyOf: ({ destination }) => destination, valueOf: ({ via }) => via ?? '' }

export function routeOps(desired: HostState, observed: HostState, fates: Fates): { set: Op[]; remove: Op[] } {
  const linksTo = new Map<string, Set<string>>()
  for (const { netns, destination, link } of observed.routes) {
    const key = `${netns} ${destination}`
    linksTo.set(key, (linksTo.get(key) ?? new Set()).add(link))
  }
  const isFree = ({ netns, destination, link }: Route) =>
    [...(linksTo.get(`${netns} ${destination}`) ?? [])].every((other) => other === link)
  const { set, remove } = diffEntries(ROUTES, desired.routes.filter(isFree), observed.routes, fates)
  return {
    set: set.map((route) => ({ op: 'route-set', route })),
    remove: remove.map((route) => ({ op: 'route-delete', route })),
  }
}
