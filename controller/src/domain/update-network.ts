/**
 * A living network gets other labels, options, ranges, auxiliary addresses or more subnets, in one transaction.
 *
 * Invariants
 * - Everything is checked before anything is changed; what needs a new network is refused, with the reason.
 * - The transaction compares every record that it rewrites; an address becomes auxiliary only while nobody holds it.
 * - Subnets are added under the generation that creates share (overlap is a property of the whole set).
 * - What is so already is not written again: a repeated request finds its own work.
 */
import { type NetworkUpdateRequest, type NetworkUpdateView, WeftError } from '@weft/shared'
import type { Compare, Entry, KvOp } from '../store/kv.ts'
import { auditWrite } from './audit.ts'
import type { DomainDeps } from './deps.ts'
import { commitAlone, type Draft } from './group-commit.ts'
import { networkByRef } from './pure/find.ts'
import { keys } from './pure/keys.ts'
import { networkView, updatedView } from './pure/network-view.ts'
import { planUpdate, type UpdatePlan } from './pure/plan-update.ts'
import { type Actor, decode, type NetworkRecord, type Stored, SubnetsGenerationRecord } from './pure/records.ts'
import { put, subnetWrites } from './subnet-writes.ts'

const MOST_TRIES = 100

/**
 * @param ref name, uid or unique beginning of a uid
 * @throws `not_found`; `unsupported` (needs a new network), `invalid`, `conflict` (also when the network is not at
 * `request.revision`)
 */
export async function updateNetwork(
  deps: DomainDeps,
  ref: string,
  request: NetworkUpdateRequest,
  actor: Actor,
): Promise<NetworkUpdateView> {
  const { uid, name } = networkByRef(await deps.cluster.newest(), ref).value
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const generation = await deps.kv.get(keys.subnetsGeneration)
    const view = await deps.cluster.newest()
    const stored = networkByRef(view, uid)
    const plan = planUpdate(view, stored.value, request)
    if (plan.changes.length === 0) return { network: networkView(view, uid), changes: [], warnings: [] }
    checkRevision(stored, request)
    const { changes, warnings } = plan
    if (request.dryRun) {
      return { network: updatedView(view, plan), changes: [...changes], warnings: [...warnings] }
    }
    const answer = await commitAlone(deps.kv, draftOf(deps, { request, stored, plan, actor }, generation.entry))
    if (answer.succeeded) {
      const network = networkView(await deps.cluster.waitFor(answer.revision), uid)
      return { network, changes: [...changes], warnings: [...warnings] }
    }
  }
  throw new WeftError('unavailable', { what: 'lost every race with other changes', on: name, remedy: 'try again' })
}

function checkRevision({ value, modRevision }: Stored<NetworkRecord>, { revision }: NetworkUpdateRequest): void {
  if (revision === undefined || revision === modRevision) return
  throw new WeftError('conflict', {
    what: 'network was changed in the meantime',
    on: value.name,
    why: `it is at revision ${modRevision}, not ${revision}`,
    remedy: `look at it again: weft network inspect ${value.name}`,
  })
}

interface Update {
  readonly request: NetworkUpdateRequest
  readonly stored: Stored<NetworkRecord>
  readonly plan: UpdatePlan
  readonly actor: Actor
}

function draftOf(deps: DomainDeps, { request, stored, plan, actor }: Update, generation: Entry | undefined): Draft {
  const { req } = request
  const { uid, name, gen } = stored.value
  const edited = plan.subnets.map(({ before, after }) => ({
    when: { key: keys.subnet(after.uid), mod: before.modRevision },
    write: put(keys.subnet(after.uid), { ...after, req, gen: before.value.gen + 1 }),
  }))
  const object = `network ${name} (${uid}): ${plan.changes.map(({ what }) => what).join(', ')}`
  return {
    when: [
      { key: keys.network(uid), mod: stored.modRevision },
      ...edited.map(({ when }) => when),
      ...auxCompares(plan),
      ...(plan.added.length === 0 ? [] : [{ key: keys.subnetsGeneration, mod: generation?.modRevision ?? 0 }]),
    ],
    write: [
      put(keys.network(uid), { ...plan.record, req, gen: gen + 1 }),
      ...edited.map(({ write }) => write),
      ...auxWrites(plan, req),
      ...plan.added.flatMap((subnet) => subnetWrites(uid, req, subnet)),
      ...(plan.added.length === 0 ? [] : [bump(generation, req)]),
      auditWrite(deps, { actor, action: 'network.update', object: object.slice(0, MOST_OBJECT), req }),
    ],
    read: [],
    requestId: req,
  }
}

/** Characters of an audit record's object. */
const MOST_OBJECT = 1000

function auxCompares({ auxiliary }: UpdatePlan): Compare[] {
  return auxiliary
    .filter(({ add }) => add)
    .flatMap(({ subnet, hex, ends }): Compare[] => [
      { key: keys.held(subnet, hex), create: 0 },
      ends === undefined
        ? { key: keys.reserved(subnet, hex), create: 0 }
        : { key: keys.reserved(subnet, hex), mod: ends },
    ])
}

function auxWrites({ auxiliary }: UpdatePlan, req: string): KvOp[] {
  return auxiliary.map(({ subnet, hex, name, add }) => {
    const key = keys.reserved(subnet, hex)
    return add ? put(key, { v: 1, req, purpose: 'auxiliary', label: name }) : { delete: key }
  })
}

function bump(generation: Entry | undefined, req: string): KvOp {
  const count = generation === undefined ? 0 : decode(SubnetsGenerationRecord, generation).value.gen
  return put(keys.subnetsGeneration, { v: 1, req, gen: count + 1 })
}
