/**
 * A router to another host: its place and all its legs, with their addresses and MACs as they are, in one transaction. Every
 * host of its networks learns of it by its intent.
 *
 * Invariant: the placement's mod revision is compared, so that of two moves one is made.
 */
import type { Compare, KvOp } from '../../store/kv.ts'
import { type DomainDeps, nowText } from '../deps.ts'
import { commitAlone } from '../group-commit.ts'
import { addressKeyOf, keys } from '../pure/keys.ts'
import type { HeldRecord, PlacementRecord } from '../pure/records.ts'
import { legsOf } from '../pure/router-view.ts'

export interface RouterMove {
  readonly router: string
  readonly to: string
  readonly req: string
  /** Of the leader's, when it is the leader who moves it. */
  readonly guard?: Compare
  /** Written with it. */
  readonly also?: readonly KvOp[]
}

/** @returns false when something it rests on changed meanwhile: look again */
export async function moveRouter(
  deps: DomainDeps,
  { router: uid, to, req, guard, also = [] }: RouterMove,
): Promise<boolean> {
  const view = deps.cluster.current()
  const router = view.routers.get(uid)
  const placement = view.placements.get(uid)
  const host = view.hosts.get(to)
  if (router === undefined || placement === undefined || host === undefined) return false
  const legs = legsOf(view, router.value)
  const next: PlacementRecord = {
    ...placement.value,
    req,
    gen: placement.value.gen + 1,
    host: to,
    since: nowText(deps.clock),
  }
  const writes = legs.flatMap(({ value }): KvOp[] => {
    const held: HeldRecord = { v: 1, req, endpoint: value.uid, host: to, chosen: false }
    return [
      { put: keys.endpoint(value.uid), value: JSON.stringify({ ...value, req, gen: value.gen + 1, host: to }) },
      ...value.addresses.map((address) => ({ put: addressKeyOf('held', address), value: JSON.stringify(held) })),
    ]
  })
  const answer = await commitAlone(deps.kv, {
    when: [
      ...(guard === undefined ? [] : [guard]),
      { key: keys.router(uid), mod: router.modRevision },
      { key: keys.placement(uid), mod: placement.modRevision },
      { key: keys.host(to), create: host.createRevision },
      ...legs.map(({ value, modRevision }): Compare => ({ key: keys.endpoint(value.uid), mod: modRevision })),
    ],
    write: [{ put: keys.placement(uid), value: JSON.stringify(next) }, ...writes, ...also],
    read: [],
    requestId: req,
  })
  if (answer.succeeded) await deps.cluster.waitFor(answer.revision)
  else await deps.cluster.newest()
  return answer.succeeded
}
