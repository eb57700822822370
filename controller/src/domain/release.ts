/**
 * T3 and T4 in one: the host that held the endpoints has withdrawn them, so they end and their addresses rest.
 *
 * Invariants
 * - One transaction per endpoint: its record, its MAC and all its addresses go together.
 * - An address that belongs to a name does not rest: it is kept for that name. Whoever changes what is reserved of an
 *   endpoint's addresses writes the endpoint's record, too, so that it is compared here.
 * - What is already gone counts as released, so a repeated request answers the same.
 */
import { type AgentReply, type AgentRequest, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { type DomainDeps, timeText } from './deps.ts'
import { requireFence } from './fence.ts'
import type { Draft } from './group-commit.ts'
import { readOwnEndpoint } from './own-endpoint.ts'
import { describeEndpoint } from './pure/holders.ts'
import { addressKeyOf, keys } from './pure/keys.ts'
import type { EndpointRecord, HostRecord, ReservedRecord, Stored } from './pure/records.ts'
import { macWrite, nameOfAddress } from './pure/reservations.ts'

const MOST_TRIES = 20
/** Endpoints read and written at a time. */
const AT_ONCE = 32

/** @throws `denied` (fence, another host's endpoint): then nothing of the request was released after that one */
export async function releaseEndpoints(
  deps: DomainDeps,
  host: string,
  request: AgentRequest<'release'>,
): Promise<AgentReply<'release'>> {
  await requireFence(deps, host, request)
  const uids = [...new Set(request.endpoints)]
  for (let from = 0; from < uids.length; from += AT_ONCE) {
    await Promise.all(uids.slice(from, from + AT_ONCE).map((uid) => releaseOne(deps, host, request, uid)))
  }
  return { released: uids }
}

async function releaseOne(
  deps: DomainDeps,
  host: string,
  request: AgentRequest<'release'>,
  uid: string,
): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const fenced = await requireFence(deps, host, request)
    const stored = await readOwnEndpoint(deps, host, uid)
    if (stored === undefined) return
    // What is reserved of its addresses must be known as of its record.
    await deps.cluster.waitFor(stored.modRevision)
    const answer = await deps.cluster.commits.submit(releaseDraft(deps, request.req, fenced, stored))
    if (answer.succeeded) return
    await deps.cluster.newest()
  }
  throw new WeftError('unavailable', { what: 'lost every race for an endpoint', on: uid, remedy: 'try again' })
}

/**
 * Ends an endpoint as long as neither it nor the host's epoch changed.
 * @param given whether its host has given it up, or could not be asked
 */
export function releaseDraft(
  deps: DomainDeps,
  req: string,
  fenced: Stored<HostRecord>,
  { value, modRevision }: Stored<EndpointRecord>,
  given: 'given' | 'unasked' = 'given',
): Draft {
  const compares: Compare[] = [
    { key: keys.host(fenced.value.id), mod: fenced.modRevision },
    { key: keys.endpoint(value.uid), mod: modRevision },
  ]
  const writes = [...endingWrites(deps, req, value), ...quarantine(deps, req, value, given)]
  return { when: compares, write: writes, read: [], requestId: req }
}

/** The end of an endpoint's records; its addresses are free at once. */
export function endingWrites(deps: DomainDeps, req: string, endpoint: EndpointRecord): KvOp[] {
  return [
    { delete: keys.endpoint(endpoint.uid) },
    macWrite(deps.cluster.current(), req, endpoint),
    ...endpoint.addresses.map((address) => ({ delete: addressKeyOf('held', address) })),
  ]
}

/** The rest that an endpoint's addresses need before others have them. */
export function quarantine(
  deps: DomainDeps,
  req: string,
  endpoint: EndpointRecord,
  given: 'given' | 'unasked' = 'given',
): KvOp[] {
  if (deps.quarantineMs === 0) return []
  const record: ReservedRecord = {
    v: 1,
    req,
    purpose: 'quarantine',
    label: describeEndpoint(endpoint),
    until: timeText(deps.clock.now() + deps.quarantineMs),
    ...(given === 'unasked' ? { unasked: true } : {}),
  }
  const view = deps.cluster.current()
  return endpoint.addresses
    .filter((address) => nameOfAddress(view, address) === undefined)
    .map((address) => ({ put: addressKeyOf('reserved', address), value: JSON.stringify(record) }))
}
