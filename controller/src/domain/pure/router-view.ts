/** Routers as the API shows them, and the endpoints that are theirs. */
import { type RouterView, WeftError } from '@weft/shared'
import { routerByRef } from './find.ts'
import type { EndpointRecord, RouterRecord, Stored } from './records.ts'
import type { ClusterView } from './view.ts'

/** By uid. @throws `not_found` */
export function routerView(view: ClusterView, uid: string): RouterView {
  const router = view.routers.get(uid)
  const placement = view.placements.get(uid)
  if (router === undefined || placement === undefined) {
    throw new WeftError('not_found', { what: 'no such router', on: uid, remedy: 'see weft router ls' })
  }
  const { name, preferred, networks, createdAt } = router.value
  const named = networks.map((network) => ({ uid: network, name: view.networks.get(network)?.value.name ?? network }))
  const legs = named.flatMap((network) => {
    const leg = legIn(view, uid, network.uid)?.value
    return leg === undefined ? [] : [{ network, mac: leg.mac, addresses: leg.addresses.map(({ ip }) => ip) }]
  })
  return {
    uid,
    name,
    host: placement.value.host,
    ...(preferred === undefined ? {} : { preferred }),
    generation: placement.value.gen,
    since: placement.value.since,
    legs,
    pairs: pairsOf(named.map((network) => network.name)),
    createdAt,
    revision: Math.max(router.modRevision, placement.modRevision),
  }
}

/** By name, uid or unique beginning of a uid. Throws `not_found`, `conflict`. */
export function findRouter(view: ClusterView, ref: string): RouterView {
  return routerView(view, routerByRef(view, ref).value.uid)
}

/** Every router, by name. */
export function routerViews(view: ClusterView): RouterView[] {
  return [...view.routers.keys()]
    .filter((uid) => view.placements.has(uid))
    .map((uid) => routerView(view, uid))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function legsOf(view: ClusterView, router: RouterRecord): Stored<EndpointRecord>[] {
  return router.networks.flatMap((network) => legIn(view, router.uid, network) ?? [])
}

export function legIn(view: ClusterView, router: string, network: string): Stored<EndpointRecord> | undefined {
  for (const uid of view.placed) {
    const stored = view.endpoints.get(uid)
    if (stored?.value.network !== network) continue
    if (stored.value.holder?.kind === 'router' && stored.value.holder.router === router) return stored
  }
  return undefined
}

function pairsOf(names: readonly string[]): [string, string][] {
  return names.flatMap((name, at) => names.slice(at + 1).map((other): [string, string] => [name, other]))
}
