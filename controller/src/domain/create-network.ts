/**
 * T6: a network with its subnets, reserved addresses, name and VNI, in one transaction.
 *
 * Invariants
 * - Everything is checked before anything is changed.
 * - Overlap is a property of the whole set of subnets, so every create bumps one generation; it is read *before* the view
 *   that is checked, and compared in the transaction. Of racing creates one is made, the others look again.
 * - The network's uid is derived from the request id: a repeated request finds its own network.
 */
import { type NetworkCreateRequest, type NetworkView, WeftError } from '@weft/shared'
import type { Compare, KvOp, ReadAnswer } from '../store/kv.ts'
import { auditWrite } from './audit.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { commitAlone, type Draft } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import { networkView, plannedView } from './pure/network-view.ts'
import { type NetworkPlan, planNetwork, wishOf } from './pure/plan-network.ts'
import { type Actor, decode, NetworkNameRecord, type NetworkRecord, SubnetsGenerationRecord } from './pure/records.ts'
import { uidOf } from './pure/uids.ts'
import type { ClusterView } from './pure/view.ts'
import { put, subnetWrites } from './subnet-writes.ts'

/** Races lost before giving up; each means that another network was made meanwhile. */
const MOST_TRIES = 100

/**
 * Makes a network, or with `dryRun` says what would be made.
 * @throws `invalid` (a rule is broken), `conflict` (name, subnet, VNI or request id is taken: the error names by what),
 * `exhausted` (default pool)
 */
export async function createNetwork(
  deps: DomainDeps,
  request: NetworkCreateRequest,
  actor: Actor,
): Promise<NetworkView> {
  const uid = uidOf('network', request.req)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const generation = await deps.kv.get(keys.subnetsGeneration)
    const view = await deps.cluster.newest()
    const earlier = view.networks.get(uid)
    if (earlier !== undefined) return repeated(view, earlier.value, wishOf(request))
    checkName(view, request.name)
    const plan = planNetwork(view, request, uid)
    if (request.dryRun) return plannedView(plan, nowText(deps.clock))
    const answer = await commitAlone(deps.kv, draftOf(deps, plan, generation.entry, actor))
    if (answer.succeeded) return networkView(await deps.cluster.waitFor(answer.revision), uid)
    await judge(deps, plan, answer.reads)
  }
  throw new WeftError('unavailable', {
    what: 'lost every race with other creates',
    on: request.name,
    why: `${MOST_TRIES} tries`,
    remedy: 'try again',
  })
}

/** The answer to a request that was already granted. */
function repeated(view: ClusterView, earlier: NetworkRecord, wish: string): NetworkView {
  if (earlier.wish === wish) return networkView(view, earlier.uid)
  throw new WeftError('conflict', {
    what: 'request id was used for something else',
    on: earlier.req,
    why: `it made network ${earlier.name}`,
    remedy: 'use a new request id for every new wish',
  })
}

function checkName(view: ClusterView, name: string): void {
  const other = [...view.networks.values()].find(({ value }) => value.name === name)
  if (other !== undefined) throw nameTaken(name, other.value.uid)
}

function nameTaken(name: string, uid: string): WeftError {
  return new WeftError('conflict', {
    what: 'network name is taken',
    on: name,
    why: `network ${uid} has it`,
    remedy: `choose another name, or remove that one: weft network rm ${name}`,
  })
}

/** Finds what no new look would mend; returns when looking again makes sense. */
async function judge(deps: DomainDeps, plan: NetworkPlan, reads: readonly ReadAnswer[]): Promise<void> {
  const [network, name] = reads.map(({ entries }) => entries[0])
  if (network !== undefined) return
  if (name !== undefined) throw nameTaken(plan.name, decode(NetworkNameRecord, name).value.network)
  await deps.cluster.newest()
}

function draftOf(
  deps: DomainDeps,
  plan: NetworkPlan,
  generation: { key: string; value: string; createRevision: number; modRevision: number } | undefined,
  actor: Actor,
): Draft {
  const { req, uid, name, vni } = plan
  const count = generation === undefined ? 0 : decode(SubnetsGenerationRecord, generation).value.gen
  const compares: Compare[] = [
    { key: keys.subnetsGeneration, mod: generation?.modRevision ?? 0 },
    { key: keys.network(uid), create: 0 },
    { key: keys.networkName(name), create: 0 },
    ...(vni === undefined ? [] : [{ key: keys.vni(vni), create: 0 }]),
  ]
  const writes: KvOp[] = [
    put(keys.subnetsGeneration, { v: 1, req, gen: count + 1 }),
    put(keys.network(uid), networkRecord(plan, nowText(deps.clock))),
    put(keys.networkName(name), { v: 1, req, network: uid }),
    ...(vni === undefined ? [] : [put(keys.vni(vni), { v: 1, req, network: uid })]),
    ...plan.subnets.flatMap((subnet) => subnetWrites(plan.uid, req, subnet)),
    auditWrite(deps, { actor, action: 'network.create', object: `network ${name} (${uid})`, req }),
  ]
  return {
    when: compares,
    write: writes,
    read: [{ get: keys.network(uid) }, { get: keys.networkName(name) }],
    requestId: req,
  }
}

function networkRecord(plan: NetworkPlan, createdAt: string): NetworkRecord {
  const { subnets, ...rest } = plan
  return { v: 1, gen: 1, ...rest, subnets: subnets.map(({ uid }) => uid), createdAt }
}
