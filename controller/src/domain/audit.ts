/**
 * Who changed what: one record for each admin's change, written in the change's own transaction (TRUTH.md I27).
 *
 * Invariants
 * - A change that was refused, or found to be made already, leaves no record; a repeated request leaves one.
 * - The id begins with the time, so that keys sort by age: the oldest are what a list of the first few gives.
 */
import type { Compare, KvOp } from '../store/kv.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import type { AuditRecord } from './pure/records.ts'

/** How long, milliseconds, and how many at most records are kept. */
export interface AuditKept {
  readonly ms: number
  readonly most: number
}

export const AUDIT_KEPT: AuditKept = { ms: 30 * 24 * 3_600_000, most: 10_000 }

const TIME_DIGITS = 12
const RANDOM_DIGITS = 16
/** Removed in one transaction; etcd takes 128 operations. */
const AT_ONCE = 100
/** Transactions of one pass, so that it stays short. */
const MOST_BATCHES = 20

/** The write that goes with a change; one operation. */
export function auditWrite(deps: DomainDeps, what: Pick<AuditRecord, 'actor' | 'action' | 'object' | 'req'>): KvOp {
  const record: AuditRecord = { v: 1, time: nowText(deps.clock), ...what }
  const id = timePart(deps.clock.now()) + deps.randomText(RANDOM_DIGITS)
  return { put: keys.audit(id), value: JSON.stringify(record) }
}

/**
 * Removes records that are too old or too many, the oldest first.
 * @param guard holds only while the caller leads
 * @returns how many went
 */
export async function sweepAudit(deps: DomainDeps, guard: Compare, kept: AuditKept = AUDIT_KEPT): Promise<number> {
  const oldest = keys.audit(timePart(Math.max(0, deps.clock.now() - kept.ms)))
  let removed = 0
  for (let batch = 0; batch < MOST_BATCHES; batch++) {
    const { entries, count } = await deps.kv.list(keys.audit(''), { limit: AT_ONCE })
    const due = entries.filter(({ key }, at) => at < count - kept.most || key < oldest)
    if (due.length === 0) break
    const answer = await commitAlone(deps.kv, {
      when: [guard],
      write: due.map(({ key }): KvOp => ({ delete: key })),
      read: [],
      requestId: 'sweep:audit',
    })
    if (!answer.succeeded) break
    removed += due.length
    if (due.length < AT_ONCE) break
  }
  return removed
}

/** Milliseconds since 1970 in base 36, of fixed width. */
function timePart(ms: number): string {
  return Math.floor(ms).toString(36).padStart(TIME_DIGITS, '0')
}
