/** A router out of a network, or altogether: its legs end, and what they connected is apart again. */
import { type RouterView, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../../store/kv.ts'
import { auditWrite } from '../audit.ts'
import type { DomainDeps } from '../deps.ts'
import { commitAlone } from '../group-commit.ts'
import { networkByRef, routerByRef } from '../pure/find.ts'
import { addressKeyOf, keys } from '../pure/keys.ts'
import type { Actor, EndpointRecord, ReservedRecord, RouterRecord, Stored } from '../pure/records.ts'
import { legIn, legsOf, routerView } from '../pure/router-view.ts'
import type { ClusterView } from '../pure/view.ts'
import { endingWrites, quarantine } from '../release.ts'

const MOST_TRIES = 20

export interface RouterDisconnectRequest {
  readonly req: string
  readonly router: string
  readonly network: string
}

/** Disconnecting what is not connected changes nothing. @throws `not_found` (router, network) */
export async function disconnectRouter(
  deps: DomainDeps,
  { req, router: ref, network: networkRef }: RouterDisconnectRequest,
  actor: Actor,
): Promise<RouterView> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    const router = routerByRef(view, ref)
    const { uid, name, gen, networks } = router.value
    const network = networkByRef(view, networkRef).value
    if (!networks.includes(network.uid)) return routerView(view, uid)
    const leg = legIn(view, uid, network.uid)
    const next: RouterRecord = {
      ...router.value,
      req,
      gen: gen + 1,
      networks: networks.filter((n) => n !== network.uid),
    }
    const object = `router ${name} out of network ${network.name}`
    const ended = ending(deps, view, req, leg === undefined ? [] : [leg])
    const answer = await commitAlone(deps.kv, {
      when: [{ key: keys.router(uid), mod: router.modRevision }, ...ended.when],
      write: [
        { put: keys.router(uid), value: JSON.stringify(next) },
        ...ended.write,
        auditWrite(deps, { actor, action: 'router.disconnect', object, req }),
      ],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return routerView(await deps.cluster.waitFor(answer.revision), uid)
  }
  throw lostEveryRace(ref)
}

/** Removes it with all its legs. @throws `not_found` */
export async function removeRouter(
  deps: DomainDeps,
  ref: string,
  req: string,
  actor: Actor,
): Promise<{ uid: string; name: string; revision: number }> {
  const { uid, name } = routerByRef(await deps.cluster.newest(), ref).value
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    const router = view.routers.get(uid)
    // Gone in between: by a lost answer of our own, or by somebody who wished the same.
    if (router === undefined) return { uid, name, revision: view.revision }
    const ended = ending(deps, view, req, legsOf(view, router.value))
    const answer = await commitAlone(deps.kv, {
      when: [{ key: keys.router(uid), mod: router.modRevision }, ...ended.when],
      write: [
        { delete: keys.router(uid) },
        { delete: keys.routerName(name) },
        { delete: keys.placement(uid) },
        ...ended.write,
        auditWrite(deps, { actor, action: 'router.remove', object: `router ${name} (${uid})`, req }),
      ],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return { uid, name, revision: answer.revision }
  }
  throw lostEveryRace(ref)
}

function ending(
  deps: DomainDeps,
  view: ClusterView,
  req: string,
  legs: readonly Stored<EndpointRecord>[],
): { when: Compare[]; write: KvOp[] } {
  return {
    when: legs.map(({ value, modRevision }) => ({ key: keys.endpoint(value.uid), mod: modRevision })),
    write: legs.flatMap(({ value }) => [...endingWrites(deps, req, value), ...resting(deps, view, req, value)]),
  }
}

/** Gateway addresses are reserved again; others rest. */
function resting(deps: DomainDeps, view: ClusterView, req: string, leg: EndpointRecord): KvOp[] {
  const isGateway = ({ subnet, ip }: { subnet: string; ip: string }) => view.subnets.get(subnet)?.value.gateway === ip
  const record: ReservedRecord = { v: 1, req, purpose: 'gateway' }
  return [
    ...leg.addresses
      .filter(isGateway)
      .map((address) => ({ put: addressKeyOf('reserved', address), value: JSON.stringify(record) })),
    ...quarantine(deps, req, { ...leg, addresses: leg.addresses.filter((address) => !isGateway(address)) }),
  ]
}

function lostEveryRace(router: string): WeftError {
  return new WeftError('unavailable', { what: 'lost every race for a router', on: router, remedy: 'try again' })
}
