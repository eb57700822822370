import { WeftError } from '@weft/shared'
import type { CallOptions, Kv, Lease, ListAnswer, ReadAnswer } from './kv.ts'
import { keepLease } from './lease.ts'
import { below, type KeyRange, oneKey } from './range.ts'
import { backoffMs, sleep, systemTime, type Time } from './time.ts'
import { checkTxn } from './txn.ts'
import { watchPrefix } from './watch.ts'
import type { Wire, WireRange } from './wire.ts'

export interface ClientOptions {
  readonly time?: Time
  /** In [0, 1): jitter of retries. */
  readonly random?: () => number
  /** Budget of a call that names none, milliseconds. */
  readonly deadlineMs?: number
  /** Longest wait for one attempt of a read within the budget, milliseconds. */
  readonly attemptMs?: number
  readonly leaseMarginMs?: number
  readonly watchPingMs?: number
  readonly watchSilenceMs?: number
  readonly onWatchReconnect?: (prefix: string, why: string) => void
}

/** Entries asked for at a time: keeps the event loop free while a large prefix is decoded. */
const PAGE = 5_000

/**
 * The Kv over a wire. Reads are repeated freely within the budget; a transaction only when it certainly was not applied.
 */
export function kvOver(wire: Wire, options: ClientOptions = {}): Kv {
  const time = options.time ?? systemTime
  const random = options.random ?? Math.random
  const budgetMs = options.deadlineMs ?? 5_000
  const attemptMs = options.attemptMs ?? 2_000
  const closed = new AbortController()

  /** Runs attempts until one settles the call, or budget or signal end it. */
  async function within<T>(
    what: string,
    on: string,
    call: CallOptions,
    attempt: (deadlineMs: number) => Promise<T>,
    mayRepeat: (error: WeftError) => boolean,
    longestMs: number,
  ): Promise<T> {
    const start = time.monotonicMs()
    const budget = call.deadlineMs ?? budgetMs
    for (let tries = 0; ; tries++) {
      const leftMs = Math.max(0, budget - (time.monotonicMs() - start))
      try {
        return await bounded(time, Math.min(leftMs, longestMs), call.signal, closed.signal, { what, on }, attempt)
      } catch (thrown) {
        const error = WeftError.from(thrown, what)
        const waitMs = backoffMs(tries, random)
        const spent = time.monotonicMs() - start + waitMs >= budget
        if (spent || !mayRepeat(error) || closed.signal.aborted || call.signal?.aborted === true) throw error
        await sleep(time, waitMs, call.signal)
      }
    }
  }

  const read = (what: string, on: string, request: WireRange, call: CallOptions) =>
    within(
      what,
      on,
      call,
      (deadlineMs) => wire.range(request, deadlineMs),
      (error) => error.retryable,
      attemptMs,
    )

  /** A whole range at one revision, page by page. */
  async function readAll(
    prefix: string,
    range: KeyRange,
    revision: number | undefined,
    call: CallOptions,
  ): Promise<ListAnswer> {
    const start = time.monotonicMs()
    const entries: ReadAnswer['entries'][number][] = []
    let from = range.from
    let at = revision
    for (;;) {
      const leftMs = Math.max(0, (call.deadlineMs ?? budgetMs) - (time.monotonicMs() - start))
      const request = { range: { ...range, from }, limit: PAGE, ...(at === undefined ? {} : { revision: at }) }
      const page = await read('list', prefix, request, { ...call, deadlineMs: leftMs })
      at ??= page.revision
      entries.push(...page.entries)
      const last = page.entries.at(-1)
      if (last === undefined || page.entries.length >= page.count) {
        return { entries, count: entries.length, revision: at }
      }
      from = `${last.key}\0`
    }
  }

  return {
    async get(key, call = {}) {
      const { entries, revision } = await read('get', key, { range: oneKey(key), ...atRevision(call.revision) }, call)
      return entries[0] === undefined ? { revision } : { entry: entries[0], revision }
    },
    async list(prefix, call = {}) {
      const range = below(prefix)
      if (call.limit === undefined) return readAll(prefix, range, call.revision, call)
      return read('list', prefix, { range, limit: call.limit, ...atRevision(call.revision) }, call)
    },
    async count(prefix, call = {}) {
      const request = { range: below(prefix), countOnly: true, ...atRevision(call.revision) }
      const { count, revision } = await read('count', prefix, request, call)
      return { count, revision }
    },
    async txn(txn, call) {
      checkTxn(txn)
      return within(
        'transaction',
        call.requestId,
        call,
        (deadlineMs) => wire.txn(txn, deadlineMs),
        (error) => error.retryable && !error.ambiguous,
        Number.POSITIVE_INFINITY,
      )
    },
    watch(prefix, watching) {
      const signal = AbortSignal.any([watching.signal, closed.signal])
      return watchPrefix(
        wire,
        prefix,
        { ...watching, signal },
        {
          time,
          random,
          pingMs: options.watchPingMs ?? 5_000,
          silenceMs: options.watchSilenceMs ?? 15_000,
          onReconnect: (why) => options.onWatchReconnect?.(prefix, why),
        },
      )
    },
    async grantLease(ttlSeconds, call = {}): Promise<Lease> {
      // A grant whose answer was lost leaves a lease without keys, which ends by itself: safe to repeat.
      let sentAtMs = 0
      const granted = await within(
        'lease grant',
        `${ttlSeconds} s`,
        call,
        (deadlineMs) => {
          sentAtMs = time.monotonicMs()
          return wire.leaseGrant(ttlSeconds, deadlineMs)
        },
        (error) => error.retryable,
        attemptMs,
      )
      const { leaseMarginMs } = options
      return keepLease(wire, granted, sentAtMs, {
        time,
        closed: closed.signal,
        ...(leaseMarginMs === undefined ? {} : { marginMs: leaseMarginMs }),
      })
    },
    async grantUnkeptLease(ttlSeconds, call = {}) {
      const grant = (deadlineMs: number) => wire.leaseGrant(ttlSeconds, deadlineMs)
      const { id } = await within('lease grant', `${ttlSeconds} s`, call, grant, (error) => error.retryable, attemptMs)
      return id
    },
    async refreshLease(id, call = {}) {
      const renew = (deadlineMs: number) => wire.leaseRenew(id, deadlineMs)
      return (await within('lease renewal', id, call, renew, (error) => error.retryable, attemptMs)) > 0
    },
    close() {
      closed.abort()
      wire.close()
    },
  }
}

function atRevision(revision: number | undefined): { revision?: number } {
  return revision === undefined ? {} : { revision }
}

/** One attempt with an end of its own: whatever the layers below do, the answer is here by then (E4). */
async function bounded<T>(
  time: Time,
  deadlineMs: number,
  signal: AbortSignal | undefined,
  closed: AbortSignal,
  on: { readonly what: string; readonly on: string },
  attempt: (deadlineMs: number) => Promise<T>,
): Promise<T> {
  if (closed.aborted) throw new WeftError('unavailable', { ...on, why: 'the store is closed' })
  if (signal?.aborted === true) throw new WeftError('deadline', { ...on, why: 'called off before it was sent' })
  if (deadlineMs <= 0) throw new WeftError('deadline', { ...on, why: 'no time left before it was sent' })
  return new Promise<T>((resolve, reject) => {
    const end = () => {
      cancel()
      signal?.removeEventListener('abort', calledOff)
      closed.removeEventListener('abort', shut)
    }
    const giveUp = (code: 'deadline' | 'unavailable', why: string) => {
      end()
      reject(new WeftError(code, { ...on, why, ambiguous: true }))
    }
    const calledOff = () => giveUp('deadline', 'called off while it was under way')
    const shut = () => giveUp('unavailable', 'the store was closed while it was under way')
    const cancel = time.after(deadlineMs + GRACE_MS, () =>
      giveUp('deadline', `no answer within ${Math.round(deadlineMs)} ms`),
    )
    signal?.addEventListener('abort', calledOff)
    closed.addEventListener('abort', shut)
    attempt(deadlineMs).then(resolve, reject).finally(end)
  })
}

/** The wire's own deadline comes first, with the better reason. */
const GRACE_MS = 50
