/**
 * T8: a host joins, and from then on only the agent that joined may speak for it.
 *
 * Invariants
 * - The host's record is written by joins only, so its mod revision stands for its epoch in every other transaction.
 * - `alive/<host>` hangs on a lease that the agent's heartbeats renew through whichever controller hears them.
 * - One VTEP address belongs to one living host.
 */
import { type AgentReply, type AgentRequest, addressToHex, type HostFacts, parseAddress, WeftError } from '@weft/shared'
import type { Entry } from '../store/kv.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { type Fence, readFence, requireFence } from './fence.ts'
import { commitAlone, type Draft } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import { AliveRecord, decode, type FactsRecord, HostRecord, type Stored, VtepRecord } from './pure/records.ts'

/** How long a silent agent counts as alive, seconds: three heartbeats of 10 s. */
export const ALIVE_SECONDS = 30
const MOST_TRIES = 10

type JoinRequest = AgentRequest<'join'>

/**
 * Makes this instance the agent of the host. The same instance keeps its epoch, another one begins a new one.
 * @throws `conflict` while another instance of this id lives, or another living host has the VTEP address
 */
export async function joinHost(deps: DomainDeps, host: string, request: JoinRequest): Promise<AgentReply<'join'>> {
  let lease: string | undefined
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const before = await readPlace(deps, host, request.facts)
    refuseSecond(host, request, before.alive)
    await refuseSharedVtep(deps, request.facts, before.vtep)
    lease ??= await deps.kv.grantUnkeptLease(ALIVE_SECONDS)
    const { draft, epoch } = joinDraft(deps, host, request, before, lease)
    const answer = await commitAlone(deps.kv, draft)
    if (!answer.succeeded) continue
    const view = await deps.cluster.waitFor(answer.revision)
    return { cluster: view.cluster ?? '', incarnation: view.incarnation, epoch }
  }
  throw new WeftError('unavailable', { what: 'lost every race to join', on: host, remedy: 'try again' })
}

/** What a join finds. */
interface Place {
  readonly host: Stored<HostRecord> | undefined
  readonly alive: (Stored<AliveRecord> & { readonly entry: Entry }) | undefined
  readonly vtep: {
    readonly key: string
    readonly modRevision: number
    /** Another host that has the address by what it last told; undefined when it has moved on. */
    readonly other: string | undefined
  }
}

async function readPlace(deps: DomainDeps, host: string, facts: HostFacts): Promise<Place> {
  const vtepKey = keys.vtep(addressToHex(parseAddress(facts.underlay.address)))
  const [{ entry: hostEntry }, { entry: alive }, { entry: vtep }] = await Promise.all([
    deps.kv.get(keys.host(host)),
    deps.kv.get(keys.alive(host)),
    deps.kv.get(vtepKey),
  ])
  return {
    host: hostEntry === undefined ? undefined : decode(HostRecord, hostEntry),
    alive: alive === undefined ? undefined : { ...decode(AliveRecord, alive), entry: alive },
    vtep: {
      key: vtepKey,
      modRevision: vtep?.modRevision ?? 0,
      other: vtep === undefined ? undefined : otherOwner(deps, host, facts, decode(VtepRecord, vtep).value.host),
    },
  }
}

function otherOwner(deps: DomainDeps, host: string, facts: HostFacts, owner: string): string | undefined {
  const told = deps.cluster.current().facts.get(owner)?.value.facts.underlay.address
  return owner !== host && told === facts.underlay.address ? owner : undefined
}

function refuseSecond(host: string, { instance }: JoinRequest, alive: Place['alive']): void {
  if (alive === undefined || alive.value.instance === instance) return
  const { since, address } = alive.value
  throw new WeftError('conflict', {
    what: 'host id is in use',
    on: host,
    why: `instance ${alive.value.instance} has it since ${since}, on address ${address}`,
    remedy: `stop that agent, give this one an id of its own, or wait ${ALIVE_SECONDS} s after that one has gone`,
  })
}

async function refuseSharedVtep(deps: DomainDeps, facts: HostFacts, vtep: Place['vtep']): Promise<void> {
  if (vtep.other === undefined) return
  const { entry } = await deps.kv.get(keys.alive(vtep.other))
  if (entry === undefined) return
  throw new WeftError('conflict', {
    what: 'VTEP address is another host’s',
    on: facts.underlay.address,
    why: `host ${vtep.other} is alive and has it`,
    remedy: 'give each host an underlay address of its own; a cloned machine needs a new one',
  })
}

function joinDraft(
  deps: DomainDeps,
  host: string,
  { instance, facts }: JoinRequest,
  before: Place,
  lease: string,
): { draft: Draft; epoch: number } {
  const now = nowText(deps.clock)
  const req = `join:${host}:${instance}`.slice(0, 64)
  const same = before.host?.value.instance === instance
  const epoch = (before.host?.value.epoch ?? 0) + (same ? 0 : 1)
  const record: HostRecord = { v: 1, req, gen: epoch, id: host, epoch, instance, joinedAt: now }
  const alive: AliveRecord = { v: 1, req, epoch, instance, since: now, address: facts.underlay.address }
  const known: FactsRecord = { v: 1, req, facts }
  const { other } = before.vtep
  const draft: Draft = {
    when: [
      { key: keys.host(host), mod: before.host?.modRevision ?? 0 },
      { key: keys.alive(host), mod: before.alive?.modRevision ?? 0 },
      { key: before.vtep.key, mod: before.vtep.modRevision },
      ...(other === undefined ? [] : [{ key: keys.alive(other), create: 0 }]),
    ],
    write: [
      ...(same ? [] : [{ put: keys.host(host), value: JSON.stringify(record) }]),
      { put: keys.alive(host), value: JSON.stringify(alive), lease },
      { put: keys.facts(host), value: JSON.stringify(known) },
      { put: before.vtep.key, value: JSON.stringify({ v: 1, req, host }) },
    ],
    read: [],
    requestId: req,
  }
  return { draft, epoch }
}

/**
 * Writes down what a host says of itself, if it differs from what is known.
 * @throws `denied` (fence), `conflict` (the new VTEP address is another living host's)
 */
export async function recordFacts(deps: DomainDeps, host: string, fence: Fence, facts: HostFacts): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const fenced = await requireFence(deps, host, fence)
    const known = deps.cluster.current().facts.get(host)?.value.facts
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(facts)) return
    const before = await readPlace(deps, host, facts)
    await refuseSharedVtep(deps, facts, before.vtep)
    const req = `facts:${host}`.slice(0, 64)
    const old = known?.underlay.address
    const moved = old !== undefined && old !== facts.underlay.address
    const answer = await commitAlone(deps.kv, {
      when: [
        { key: keys.host(host), mod: fenced.modRevision },
        { key: before.vtep.key, mod: before.vtep.modRevision },
      ],
      write: [
        { put: keys.facts(host), value: JSON.stringify({ v: 1, req, facts }) },
        { put: before.vtep.key, value: JSON.stringify({ v: 1, req, host }) },
        ...(moved ? [{ delete: keys.vtep(addressToHex(parseAddress(old))) }] : []),
      ],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return
    await readFence(deps, host, fence)
    await deps.cluster.newest()
  }
  throw new WeftError('unavailable', { what: 'lost every race to record facts', on: host, remedy: 'try again' })
}

/**
 * A sign of life: renews the lease of `alive/<host>`, or makes the record again when it ran out (NATS or controllers were
 * away) and nobody else has joined since.
 * @throws `denied` (fence)
 */
export async function refreshAlive(deps: DomainDeps, host: string, fence: Fence): Promise<void> {
  const fenced = await requireFence(deps, host, fence)
  const { entry } = await deps.kv.get(keys.alive(host))
  if (entry?.lease !== undefined && decode(AliveRecord, entry).value.epoch === fence.epoch) {
    if (await deps.kv.refreshLease(entry.lease)) return
  }
  const lease = await deps.kv.grantUnkeptLease(ALIVE_SECONDS)
  const address = deps.cluster.current().facts.get(host)?.value.facts.underlay.address ?? ''
  const { epoch, instance } = fence
  const record: AliveRecord = {
    v: 1,
    req: `alive:${host}`.slice(0, 64),
    epoch,
    instance,
    since: nowText(deps.clock),
    address,
  }
  const answer = await commitAlone(deps.kv, {
    when: [{ key: keys.host(host), mod: fenced.modRevision }],
    write: [{ put: keys.alive(host), value: JSON.stringify(record), lease }],
    read: [],
    requestId: record.req,
  })
  if (!answer.succeeded) await readFence(deps, host, fence)
}
