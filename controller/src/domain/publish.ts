/**
 * Opens ports of containers on hosts, and closes them.
 *
 * Invariants
 * - Whether two publications want one port of a host is a property of the whole set, so every change of it bumps one
 *   generation, which is read before the view that is checked and compared in the transaction.
 * - A publication's network is there as long as it is (remove-network.ts refuses).
 */
import {
  canonicalJson,
  formatPublication,
  hash128,
  type PublicationRequest,
  type PublicationView,
  WeftError,
} from '@weft/shared'
import type { Compare } from '../store/kv.ts'
import { auditWrite } from './audit.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import { type PublicationPlan, planPublication, publicationByRef, publicationView } from './pure/publications.ts'
import { type Actor, decode, type PublicationRecord, PublicationsGenerationRecord } from './pure/records.ts'
import { uidOf } from './pure/uids.ts'

const MOST_TRIES = 100

/** Looks at the hosts themselves; throws for a port that is taken there, gives back what could not be looked at. */
export type CheckHosts = (plan: PublicationPlan) => Promise<readonly string[]>

/** @throws as `planPublication` and `checkHosts`; `conflict` for a request id that was used for something else */
export async function publish(
  deps: DomainDeps,
  request: PublicationRequest,
  actor: Actor,
  checkHosts: CheckHosts,
): Promise<PublicationView> {
  const { req } = request
  const uid = uidOf('publication', req)
  const wish = wishOf(request)
  let warnings: readonly string[] | undefined
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const generation = await readGeneration(deps)
    const view = await deps.cluster.newest()
    const earlier = view.publications.get(uid)
    if (earlier !== undefined) {
      if (earlier.value.wish === wish) return publicationView(view, earlier, warnings)
      throw usedBefore(req)
    }
    const plan = planPublication(view, request, uid)
    const network = view.networks.get(plan.network)
    warnings ??= await checkHosts(plan)
    const record: PublicationRecord = { v: 1, req, gen: 1, ...plan, createdAt: nowText(deps.clock), wish }
    const name = network?.value.name ?? plan.network
    const object = `port ${formatPublication(plan)} of ${plan.container} in ${name}`
    const answer = await commitAlone(deps.kv, {
      when: [
        generation.unchanged,
        { key: keys.publication(uid), create: 0 },
        { key: keys.network(plan.network), mod: network?.modRevision ?? 0 },
      ],
      write: [
        generation.next(req),
        { put: keys.publication(uid), value: JSON.stringify(record) },
        auditWrite(deps, { actor, action: 'publication.create', object, req }),
      ],
      read: [],
      requestId: req,
    })
    if (!answer.succeeded) continue
    const after = await deps.cluster.waitFor(answer.revision)
    const made = after.publications.get(uid)
    if (made !== undefined) return publicationView(after, made, warnings)
  }
  throw lost(request.container)
}

export interface RemovedPublication {
  readonly uid: string
  readonly revision: number
}

/** @param ref uid or unique beginning of one. @throws `not_found`, `conflict` */
export async function unpublish(deps: DomainDeps, ref: string, req: string, actor: Actor): Promise<RemovedPublication> {
  const { uid } = publicationByRef(await deps.cluster.newest(), ref).value
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const generation = await readGeneration(deps)
    const view = await deps.cluster.newest()
    const stored = view.publications.get(uid)
    // Gone in between: by a lost answer of our own, or by somebody who wished the same.
    if (stored === undefined) return { uid, revision: view.revision }
    const { network, container } = stored.value
    const name = view.networks.get(network)?.value.name ?? network
    const object = `port ${formatPublication(stored.value)} of ${container} in ${name}`
    const answer = await commitAlone(deps.kv, {
      when: [generation.unchanged, { key: keys.publication(uid), mod: stored.modRevision }],
      write: [
        generation.next(req),
        { delete: keys.publication(uid) },
        auditWrite(deps, { actor, action: 'publication.remove', object, req }),
      ],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return { uid, revision: answer.revision }
  }
  throw lost(ref)
}

/** The generation as it is: a compare that no publication came or went, and the write that says one did. */
export async function readGeneration({ kv }: DomainDeps) {
  const { entry } = await kv.get(keys.publicationsGeneration)
  const count = entry === undefined ? 0 : decode(PublicationsGenerationRecord, entry).value.gen
  const unchanged: Compare = { key: keys.publicationsGeneration, mod: entry?.modRevision ?? 0 }
  const next = (req: string) => ({
    put: keys.publicationsGeneration,
    value: JSON.stringify({ v: 1, req, gen: count + 1 }),
  })
  return { unchanged, next }
}

function wishOf(request: PublicationRequest): string {
  const { req: _, ...content } = request
  return hash128(canonicalJson(content))
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
}

function usedBefore(req: string): WeftError {
  return new WeftError('conflict', {
    what: 'request id was used for something else',
    on: req,
    why: 'it published another port',
    remedy: 'use a new request id for every new wish',
  })
}

function lost(on: string): WeftError {
  return new WeftError('unavailable', { what: 'lost every race with other publications', on, remedy: 'try again' })
}
