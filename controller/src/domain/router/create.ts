/** A router, its name and its first place, in one transaction. */
import { type RouterView, WeftError } from '@weft/shared'
import { auditWrite } from '../audit.ts'
import { type DomainDeps, nowText } from '../deps.ts'
import { commitAlone } from '../group-commit.ts'
import { hostByRef } from '../pure/find.ts'
import { keys } from '../pure/keys.ts'
import type { Actor, PlacementRecord, RouterRecord } from '../pure/records.ts'
import { ableHosts, chooseHost } from '../pure/router-host.ts'
import { routerView } from '../pure/router-view.ts'
import { uidOf } from '../pure/uids.ts'
import type { ClusterView } from '../pure/view.ts'

export interface RouterCreateRequest {
  readonly req: string
  readonly name: string
  readonly preferred?: string | undefined
}

const MOST_TRIES = 20

/** @throws `not_found` (host), `conflict` (name taken), `unavailable` (no host reports) */
export async function createRouter(deps: DomainDeps, request: RouterCreateRequest, actor: Actor): Promise<RouterView> {
  const { req, name, preferred } = request
  const uid = uidOf('router', req)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    if (view.routers.has(uid)) return routerView(view, uid)
    refuseTaken(view, name)
    if (preferred !== undefined) hostByRef(view, preferred)
    const host = chooseHost(view, { ...(preferred === undefined ? {} : { preferred }) }, ableHosts(view, []))
    if (host === undefined) throw noHost(name)
    const now = nowText(deps.clock)
    const router: RouterRecord = {
      v: 1,
      req,
      gen: 1,
      uid,
      name,
      ...(preferred === undefined ? {} : { preferred }),
      networks: [],
      createdAt: now,
    }
    const placement: PlacementRecord = { v: 1, req, gen: 1, router: uid, host, since: now }
    const answer = await commitAlone(deps.kv, {
      when: [
        { key: keys.router(uid), create: 0 },
        { key: keys.routerName(name), create: 0 },
        { key: keys.host(host), create: view.hosts.get(host)?.createRevision ?? 0 },
      ],
      write: [
        { put: keys.router(uid), value: JSON.stringify(router) },
        { put: keys.routerName(name), value: JSON.stringify({ v: 1, req, router: uid }) },
        { put: keys.placement(uid), value: JSON.stringify(placement) },
        auditWrite(deps, { actor, action: 'router.create', object: `router ${name} (${uid})`, req }),
      ],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return routerView(await deps.cluster.waitFor(answer.revision), uid)
  }
  throw new WeftError('unavailable', { what: 'lost every race for a router', on: name, remedy: 'try again' })
}

function refuseTaken(view: ClusterView, name: string): void {
  const other = [...view.routers.values()].find(({ value }) => value.name === name)
  if (other === undefined) return
  throw new WeftError('conflict', {
    what: 'router name is taken',
    on: name,
    why: `router ${other.value.uid} has it`,
    remedy: `choose another name, or remove that one: weft router rm ${name}`,
  })
}

function noHost(name: string): WeftError {
  return new WeftError('unavailable', {
    what: 'no host can carry the router',
    on: name,
    why: 'no host reports',
    remedy: 'start an agent: weft status says which are silent',
  })
}
