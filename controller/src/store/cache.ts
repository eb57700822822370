/**
 * A prefix of the store in memory: one list, then its watch. Invariants (I21, I23): after any fault of the watch the
 * entries equal the store's at `revision`; the revision never goes back within a generation; nothing is shown before the
 * first list is complete, and a new list replaces the whole at once.
 *
 * A watch is a hint (FACTS 2.3): every few minutes a linearizable list must agree with what the watch brought, and a
 * disagreement is counted, told, and mended by that list.
 */
import { WeftError } from '@weft/shared'
import { Bell } from './bell.ts'
import type { Entry, Kv, ListAnswer, WatchEvent } from './kv.ts'
import { backoffMs, sleep, systemTime, type Time } from './time.ts'
import { revisionOf } from './watch.ts'

export interface CacheOptions {
  readonly prefix: string
  /** Ends the cache. */
  readonly signal: AbortSignal
  readonly time?: Time
  readonly random?: () => number
  /** Between comparisons with the store, milliseconds; 300,000 unless told. */
  readonly verifyMs?: number
  /** Told of what a person should know: a mismatch, a failing list. */
  readonly onProblem?: (problem: {
    readonly kind: 'mismatch' | 'unavailable' | 'rewound'
    readonly why: string
  }) => void
}

export interface CacheView {
  readonly revision: number
  /** In the order of keys. Not to be kept across awaits: later revisions change it in place. */
  readonly entries: ReadonlyMap<string, Entry>
}

export interface Cache {
  /** @throws `unavailable` before the first list is complete */
  current(): CacheView
  /** Yields the cache's revision now and after every change, the latest only: a slow reader skips some. */
  changes(signal: AbortSignal): AsyncIterable<number>
  /**
   * Resolves when the cache holds everything up to the revision, which should be that of a write below the prefix.
   * @throws `deadline` when the signal aborts first
   */
  waitFor(revision: number, signal: AbortSignal): Promise<void>
  /** Milliseconds since the store was last heard of; infinite before the first list. */
  ageMs(): number
  readonly counters: { readonly lists: number; readonly verifications: number; readonly mismatches: number }
  /** Settles when the cache has ended, after the signal. */
  readonly ended: Promise<void>
}

/** Starts a cache; it lists and follows until the signal ends it. */
export function openCache(kv: Kv, options: CacheOptions): Cache {
  const { prefix, signal, time = systemTime, random = Math.random, verifyMs = 300_000, onProblem = () => {} } = options
  const counters = { lists: 0, verifications: 0, mismatches: 0 }
  const bell = new Bell()
  let entries = new Map<string, Entry>()
  let sorted = true
  let revision: number | undefined
  let heardMs = Number.NEGATIVE_INFINITY
  /** While a comparison is under way: keys that changed since it began, and the revision of the last change of each. */
  let touched: Map<string, number> | undefined

  const moveTo = (next: number) => {
    heardMs = time.monotonicMs()
    if (revision === next) return
    revision = next
    bell.ring()
  }
  const replace = (list: ListAnswer) => {
    entries = new Map(list.entries.map((entry) => [entry.key, entry]))
    sorted = true
    counters.lists++
    heardMs = time.monotonicMs()
    revision = list.revision
    bell.ring()
  }
  const apply = (events: readonly WatchEvent[]) => {
    for (const event of events) {
      const key = event.kind === 'delete' ? event.key : event.entry.key
      touched?.set(key, revisionOf(event))
      if (event.kind === 'delete') entries.delete(key)
      else {
        sorted &&= entries.has(key)
        entries.set(key, event.entry)
      }
    }
  }

  /** Follows the watch until it needs a new list or `stop` aborts. */
  const follow = async (from: number, stop: AbortSignal) => {
    for await (const batch of kv.watch(prefix, { fromRevision: from, signal: stop })) {
      if (stop.aborted || batch.kind === 'compacted') return
      if (batch.kind === 'events') apply(batch.events)
      moveTo(Math.max(revision ?? 0, batch.revision))
    }
  }

  /** Compares with the store; true when only a new list can mend the cache. */
  const verify = async (stop: AbortSignal): Promise<boolean> => {
    const patience = new AbortController()
    touched = new Map()
    try {
      const list = await kv.list(prefix, { signal: stop })
      counters.verifications++
      if (revision !== undefined && list.revision < revision) {
        onProblem({ kind: 'rewound', why: `store at ${list.revision}, cache at ${revision}: restored from a backup?` })
        return true
      }
      // The last events before the list may still be under way: a difference counts only if it lasts.
      const cancel = time.after(PATIENCE_MS, () => patience.abort())
      let why = difference(list, entries, touched)
      while (why !== undefined && !patience.signal.aborted && !stop.aborted) {
        await bell.next(AbortSignal.any([patience.signal, stop]))
        why = difference(list, entries, touched)
      }
      cancel()
      if (why === undefined || stop.aborted) return false
      counters.mismatches++
      onProblem({ kind: 'mismatch', why })
      return true
    } finally {
      touched = undefined
    }
  }

  const run = async () => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const list = await kv.list(prefix, { signal })
        replace(list)
        failures = 0
        const stop = new AbortController()
        const either = AbortSignal.any([stop.signal, signal])
        const checks = checkAgain(either).finally(() => stop.abort())
        await Promise.all([follow(list.revision + 1, either).finally(() => stop.abort()), checks])
      } catch (thrown) {
        if (signal.aborted) return
        onProblem({ kind: 'unavailable', why: WeftError.from(thrown).message })
        await sleep(time, backoffMs(failures++, random), signal)
      }
    }
  }

  /** Compares every `verifyMs` until a comparison fails; an unreachable store is told and asked again. */
  const checkAgain = async (stop: AbortSignal) => {
    while (!stop.aborted) {
      await sleep(time, verifyMs, stop)
      if (stop.aborted) return
      try {
        if (await verify(stop)) return
      } catch (thrown) {
        if (!stop.aborted) onProblem({ kind: 'unavailable', why: WeftError.from(thrown).message })
      }
    }
  }

  return {
    current() {
      if (revision === undefined) {
        throw new WeftError('unavailable', {
          what: 'the first list is not complete',
          on: prefix,
          why: 'etcd has not answered yet',
        })
      }
      if (!sorted) {
        entries = new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
        sorted = true
      }
      return { revision, entries }
    },
    async *changes(until) {
      const either = AbortSignal.any([until, signal])
      let told = ''
      while (!either.aborted) {
        // A new list may bring other entries at a revision already told.
        const now = `${counters.lists} ${revision}`
        if (revision === undefined || now === told) await bell.next(either)
        else {
          told = now
          yield revision
        }
      }
    },
    async waitFor(wanted, until) {
      const either = AbortSignal.any([until, signal])
      while (revision === undefined || revision < wanted) {
        if (either.aborted) {
          const why = `the cache of ${prefix} is at ${revision ?? 'nothing'}`
          throw new WeftError('deadline', { what: 'revision not reached', on: String(wanted), why })
        }
        await bell.next(either)
      }
    },
    ageMs: () => time.monotonicMs() - heardMs,
    counters,
    ended: run(),
  }
}

/** How long the watch may lag behind a list before a difference is a mismatch, milliseconds. */
const PATIENCE_MS = 5_000

/** Where a list and the cache disagree, in words; keys that changed after the list was made are left out. */
function difference(
  list: ListAnswer,
  entries: ReadonlyMap<string, Entry>,
  touched: ReadonlyMap<string, number>,
): string | undefined {
  const listed = new Map(list.entries.map((entry) => [entry.key, entry]))
  for (const key of new Set([...listed.keys(), ...entries.keys()])) {
    const [cached, stored] = [entries.get(key), listed.get(key)]
    if (cached?.modRevision === stored?.modRevision && cached?.value === stored?.value) continue
    if (Math.max(touched.get(key) ?? 0, cached?.modRevision ?? 0) > list.revision) continue
    return `${key}: cache ${cached?.modRevision ?? 'none'}, store ${stored?.modRevision ?? 'none'}`
  }
  return undefined
}
