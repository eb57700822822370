/** A router to another host because somebody wishes it: to one host, which it prefers from then on, or to any other. */
import { type RouterView, WeftError } from '@weft/shared'
import { auditWrite } from '../audit.ts'
import type { DomainDeps } from '../deps.ts'
import { hostByRef, routerByRef } from '../pure/find.ts'
import { keys } from '../pure/keys.ts'
import type { Actor, RouterRecord, Stored } from '../pure/records.ts'
import { ableHosts, chooseHost } from '../pure/router-host.ts'
import { routerView } from '../pure/router-view.ts'
import type { ClusterView } from '../pure/view.ts'
import { moveRouter } from './move.ts'

export interface RouterMoveRequest {
  readonly req: string
  readonly router: string
  /** Absent: any but the one that carries it; it prefers none then. */
  readonly host?: string | undefined
}

const MOST_TRIES = 20

/** Moving to where it is changes nothing. @throws `not_found`, `unavailable` (the host cannot carry it, or no other can) */
export async function relocateRouter(deps: DomainDeps, request: RouterMoveRequest, actor: Actor): Promise<RouterView> {
  const { req } = request
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    const router = routerByRef(view, request.router)
    const { uid, name } = router.value
    if (request.host !== undefined) hostByRef(view, request.host)
    const placement = view.placements.get(uid)?.value
    const isDone = request.host === undefined ? placement?.req === req : placement?.host === request.host
    if (isDone && router.value.preferred === request.host) return routerView(view, uid)
    const to = target(view, router, request.host)
    const { preferred: _, ...rest } = router.value
    const preferred = request.host === undefined ? {} : { preferred: request.host }
    const next: RouterRecord = { ...rest, ...preferred, req, gen: router.value.gen + 1 }
    const object = `router ${name} to ${to}`
    const also = [
      { put: keys.router(uid), value: JSON.stringify(next) },
      auditWrite(deps, { actor, action: 'router.move', object, req }),
    ]
    if (await moveRouter(deps, { router: uid, to, req, also })) return routerView(deps.cluster.current(), uid)
  }
  throw new WeftError('unavailable', { what: 'lost every race for a router', on: request.router, remedy: 'try again' })
}

function target(view: ClusterView, { value }: Stored<RouterRecord>, host: string | undefined): string {
  const able = ableHosts(view, value.networks)
  const now = view.placements.get(value.uid)?.value.host
  const to =
    host === undefined
      ? chooseHost(
          view,
          {},
          able.filter((each) => each !== now),
        )
      : host
  if (to !== undefined && able.includes(to)) return to
  throw new WeftError('unavailable', {
    what: host === undefined ? 'no other host can carry the router' : 'that host cannot carry the router',
    on: host ?? value.name,
    why: `of the hosts that report ${able.join(', ') || 'none'} ${able.length === 1 ? 'has' : 'have'} the parents of all its networks`,
    remedy: 'see weft status and weft uplink ls',
  })
}
