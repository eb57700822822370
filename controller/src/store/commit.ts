import { WeftError } from '@weft/shared'
import type { CallOptions, Entry, Kv, ReadAnswer, Txn } from './kv.ts'
import { backoffMs, sleep, systemTime, type Time } from './time.ts'

export type Committed =
  /** Applied at `revision`: now, or, when `repeated`, by an earlier attempt whose answer was lost. */
  | { readonly committed: true; readonly revision: number; readonly repeated: boolean }
  /** The condition did not hold, and the else reads show no work of ours. */
  | { readonly committed: false; readonly revision: number; readonly reads: readonly ReadAnswer[] }

export interface CommitOptions extends CallOptions {
  readonly requestId: string
  /** Finds in the else reads the record that this very request wrote (by its `req`), if it is there. */
  readonly recognise: (reads: readonly ReadAnswer[]) => Entry | undefined
  readonly time?: Time
  readonly random?: () => number
}

/**
 * Runs a transaction until it is settled: repeats it with the same condition when an attempt may or may not have been
 * applied, and recognises its own earlier success in the else reads (T1's rule, E3). The condition must fail once the
 * transaction has been applied, or else a repeat would apply it twice.
 *
 * @throws what the last attempt threw when the budget (`deadlineMs`, 5,000 unless told) runs out; `ambiguous` is then
 *   true if any attempt was, and the caller may come again with the same request id.
 */
export async function commit(kv: Kv, txn: Txn, options: CommitOptions): Promise<Committed> {
  const { requestId, recognise, signal, time = systemTime, random = Math.random, deadlineMs = 5_000 } = options
  if (txn.if.length === 0) throw new WeftError('invalid', { what: 'transaction without a condition', on: requestId })
  const start = time.monotonicMs()
  let ambiguous = false
  for (let tries = 0; ; tries++) {
    const leftMs = deadlineMs - (time.monotonicMs() - start)
    try {
      const attemptMs = Math.max(1, Math.min(leftMs, Math.max(deadlineMs / 3, 50)))
      const answer = await kv.txn(txn, {
        requestId,
        deadlineMs: attemptMs,
        ...(signal === undefined ? {} : { signal }),
      })
      if (answer.succeeded) return { committed: true, revision: answer.revision, repeated: false }
      const own = recognise(answer.reads)
      if (own !== undefined) return { committed: true, revision: own.modRevision, repeated: true }
      return { committed: false, revision: answer.revision, reads: answer.reads }
    } catch (thrown) {
      const error = WeftError.from(thrown)
      ambiguous ||= error.ambiguous
      const waitMs = backoffMs(tries, random)
      const over = time.monotonicMs() - start + waitMs >= deadlineMs
      if (over || !error.retryable || signal?.aborted === true) {
        throw ambiguous === error.ambiguous
          ? error
          : new WeftError(error.code, { ...error.parts, ambiguous, cause: error })
      }
      await sleep(time, waitMs, signal)
    }
  }
}
