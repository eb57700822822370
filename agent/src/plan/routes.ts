/**
 * Routes of sandboxes, and over links of ours in the host's own netns. A destination that is already reached through another interface is
 * the container's, the host's or Docker's own choice, and is left alone; in a sandbox the desired one replaces another of Weft's.
 * Ours carry a route protocol: they alone are removed, and what Docker gave a container for a way out that it has no more.
 */
import { type HostState, isSandbox, type Op, type Route } from '@weft/shared'
import { diffEntries, type EntryKind } from './entries.ts'
import type { Fates } from './link-fates.ts'
import { linkKey } from './link-kinds.ts'

const ROUTES: EntryKind<Route> = {
  keyOf: ({ destination }) => destination,
  valueOf: ({ via }) => via ?? '',
  isOurs: ({ owned }) => owned === true,
}

export function routeOps(desired: HostState, observed: HostState, fates: Fates): { set: Op[]; remove: Op[] } {
  const linksTo = new Map<string, Set<string>>()
  for (const { netns, destination, link } of observed.routes) {
    const key = `${netns} ${destination}`
    linksTo.set(key, (linksTo.get(key) ?? new Set()).add(link))
  }
  const ours = new Set(desired.links.filter(({ netns }) => isSandbox(netns)).map(linkKey))
  const isFree = ({ netns, destination, link }: Route) =>
    [...(linksTo.get(`${netns} ${destination}`) ?? [])].every(
      (other) => other === link || ours.has(linkKey({ netns, name: other })),
    )
  const wanted = desired.routes.filter((route) => route.withdrawn !== true && isFree(route))
  const { set, remove } = diffEntries(ROUTES, wanted, observed.routes, fates)
  // One that is replaced goes with that, and packets meet one or the other.
  const replaced = new Set(set.map(placeOf))
  const withdrawn = new Set(desired.routes.filter((route) => route.withdrawn === true).map(routeText))
  const ending = observed.routes.filter((route) => withdrawn.has(routeText(route)) && !replaced.has(placeOf(route)))
  return {
    set: set.map((route) => ({ op: 'route-set', route })),
    remove: [...new Set([...remove, ...ending])].map((route) => ({ op: 'route-delete', route })),
  }
}

function placeOf({ netns, destination }: Route): string {
  return `${netns} ${destination}`
}

function routeText(route: Route): string {
  return `${placeOf(route)} ${route.link} ${route.via ?? ''}`
}
