/**
 * The leader's background work: ends quarantines (T5) and takes back addresses of endpoints that their host no longer
 * knows (T9); forgets audit records of old.
 *
 * Invariants
 * - Every write carries the leader's guard (T11, I16).
 * - Time is counted by this process's monotonic clock from when the leader first saw a record as it is; a jump of the wall
 *   clock, or a new leader, can only make it later (TRUTH.md I25).
 * - An endpoint is taken back only while the epoch stands whose complete report left it out (I9).
 */
import type { Compare } from '../store/kv.ts'
import { type AuditKept, sweepAudit } from './audit.ts'
import type { DomainDeps } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import type { EndpointRecord, HostRecord, Stored } from './pure/records.ts'
import type { ClusterView } from './pure/view.ts'
import { releaseDraft } from './release.ts'

/** What a leader remembers between passes: when it first saw each record, by key and mod revision. */
export interface SweepMemory {
  readonly firstSeenMs: Map<string, number>
  /** When audit records were last swept, by the monotonic clock. */
  auditedMs?: number
}

export function newSweepMemory(): SweepMemory {
  return { firstSeenMs: new Map() }
}

export interface SweepResult {
  /** Quarantines ended. */
  readonly freed: number
  /** Uids of endpoints taken back. */
  readonly leaked: readonly string[]
  /** Audit records removed. */
  readonly forgotten: number
}

export interface SweepOptions {
  readonly graceMs?: number
  readonly audit?: AuditKept
}

/** How long an endpoint may be missing from its host's complete reports, milliseconds. */
export const LEAK_GRACE_MS = 15 * 60_000
const AUDIT_EVERY_MS = 60_000

/**
 * One pass; run it every second or so while leading.
 * @param memory the caller's, kept while it leads
 * @param guard carried by every write, so that one who leads no more, and does not know it yet, commits nothing
 */
export async function sweep(
  deps: DomainDeps,
  memory: SweepMemory,
  guard: Compare,
  options: SweepOptions = {},
): Promise<SweepResult> {
  const view = deps.cluster.current()
  const now = deps.clock.monotonicMs()
  const present = new Set<string>()
  const due = (mark: string, waitMs: number): boolean => {
    present.add(mark)
    const since = memory.firstSeenMs.get(mark)
    if (since === undefined) memory.firstSeenMs.set(mark, now)
    return now - (since ?? now) >= waitMs
  }
  const resting = quarantined(view).filter(({ key, modRevision }) => due(`${key} ${modRevision}`, deps.quarantineMs))
  const missing = leakedEndpoints(view).filter(({ endpoint, host }) =>
    due(`${endpoint.value.uid} ${host.modRevision} ${endpoint.value.missing?.since}`, options.graceMs ?? LEAK_GRACE_MS),
  )
  for (const mark of memory.firstSeenMs.keys()) if (!present.has(mark)) memory.firstSeenMs.delete(mark)
  const freed = await endQuarantines(deps, resting, guard)
  const leaked = await takeBack(deps, missing, guard)
  if (now - (memory.auditedMs ?? Number.NEGATIVE_INFINITY) < AUDIT_EVERY_MS) return { freed, leaked, forgotten: 0 }
  memory.auditedMs = now
  return { freed, leaked, forgotten: await sweepAudit(deps, guard, options.audit) }
}

function quarantined(view: ClusterView): { key: string; modRevision: number }[] {
  return [...view.pools].flatMap(([subnet, pool]) =>
    [...pool.reserved].flatMap(([hex, record]) =>
      record?.value.purpose === 'quarantine'
        ? [{ key: keys.reserved(subnet, hex), modRevision: record.modRevision }]
        : [],
    ),
  )
}

function leakedEndpoints(view: ClusterView): { endpoint: Stored<EndpointRecord>; host: Stored<HostRecord> }[] {
  return [...view.endpoints.values()].flatMap((endpoint) => {
    const host = view.hosts.get(endpoint.value.host)
    const marked = host !== undefined && endpoint.value.missing?.epoch === host.value.epoch
    return marked ? [{ endpoint, host }] : []
  })
}

async function endQuarantines(
  deps: DomainDeps,
  resting: readonly { key: string; modRevision: number }[],
  guard: Compare,
): Promise<number> {
  const ended = await Promise.all(
    resting.map(async ({ key, modRevision }) => {
      const answer = await deps.cluster.commits.submit({
        when: [guard, { key, mod: modRevision }],
        write: [{ delete: key }],
        read: [],
        requestId: 'sweep:quarantine',
      })
      return answer.succeeded
    }),
  )
  return ended.filter(Boolean).length
}

async function takeBack(
  deps: DomainDeps,
  missing: readonly { endpoint: Stored<EndpointRecord>; host: Stored<HostRecord> }[],
  guard: Compare,
): Promise<string[]> {
  const taken: string[] = []
  for (const { endpoint, host } of missing) {
    const draft = releaseDraft(deps, 'sweep:leaked', host, endpoint)
    const answer = await commitAlone(deps.kv, { ...draft, when: [guard, ...draft.when] })
    if (answer.succeeded) taken.push(endpoint.value.uid)
  }
  return taken
}
