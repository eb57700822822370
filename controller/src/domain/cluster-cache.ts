/**
 * The cluster in memory, following etcd: one list, then a watch from the revision after it, and a new list whenever the
 * watch cannot go on.
 *
 * Invariants
 * - The view at revision R is what etcd held at R; a revision is taken in whole.
 * - A relist is compared with what was there; nobody sees an empty cluster in between (TRUTH.md I23).
 */
import { type Clock, WeftError } from '@weft/shared'
import type { Entry, Kv, WatchEvent } from '../store/kv.ts'
import { sleep, systemTime, type Time } from '../store/time.ts'
import { revisionOf } from '../store/watch.ts'
import { ChangeFeed } from './change-feed.ts'
import { ClaimDesk } from './claim-desk.ts'
import { GroupCommit } from './group-commit.ts'
import { ClusterIndex } from './pure/cluster-index.ts'
import { keys, ROOT } from './pure/keys.ts'
import type { ClusterChange, ClusterView, RecordChange } from './pure/view.ts'

export interface ClusterCache {
  /** The view as it is now; live (see {@link ClusterView}). */
  current(): ClusterView
  /** The view once it holds everything up to the revision. @throws `deadline`, or when the cache is closed. */
  waitFor(revision: number, signal?: AbortSignal): Promise<ClusterView>
  /** The view once it holds everything that etcd had acknowledged when this was called. */
  newest(signal?: AbortSignal): Promise<ClusterView>
  /** Every change from now on. A reader that falls far behind gets one change with `reset`. */
  changes(signal: AbortSignal): AsyncIterable<ClusterChange>
  /** Addresses that this controller has under way. */
  readonly desk: ClaimDesk
  /** The queue in which this controller's claims are committed in groups. */
  readonly commits: GroupCommit
}

export interface ClusterCacheOptions {
  readonly time?: Time
  readonly clock?: Clock
  /** How long `waitFor` and `newest` wait, milliseconds; 5,000 unless told. */
  readonly waitMs?: number
  /** Between comparisons with etcd, milliseconds; 300,000 unless told. */
  readonly verifyMs?: number
  /** Told of every value that cannot be read, and of every failure to follow etcd. */
  readonly onProblem?: (problem: { readonly what: string; readonly key?: string; readonly why: string }) => void
}

interface Waiter {
  readonly revision: number
  readonly wake: () => void
}

const RETRY_MS = 500
/** How long a revision may take to come over the watch before a list is made. */
const PATIENCE_MS = 250

/** Opens the cache; resolves when the first list is complete. It ends with the signal. */
export async function openClusterCache(
  kv: Kv,
  signal: AbortSignal,
  options: ClusterCacheOptions = {},
): Promise<ClusterCache> {
  const cache = new FollowedCache(kv, signal, options)
  await cache.list()
  void cache.follow()
  void cache.verify()
  return cache
}

class FollowedCache implements ClusterCache {
  readonly desk = new ClaimDesk()
  readonly commits: GroupCommit
  readonly #kv: Kv
  readonly #signal: AbortSignal
  readonly #time: Time
  readonly #clock: { now(): number }
  readonly #waitMs: number
  readonly #verifyMs: number
  readonly #onProblem: NonNullable<ClusterCacheOptions['onProblem']>
  readonly #index = new ClusterIndex()
  /** Every key seen, with its mod revision: what a relist is compared with. */
  readonly #seen = new Map<string, number>()
  readonly #waiters = new Set<Waiter>()
  #listing: Promise<void> | undefined
  readonly #feed = new ChangeFeed()
  /** Aborted when the running watch waits for revisions that will not come. */
  #stale = new AbortController()
  /** While a comparison is under way: keys that the watch changed since it began. */
  #touched: Set<string> | undefined

  constructor(kv: Kv, signal: AbortSignal, options: ClusterCacheOptions) {
    this.#kv = kv
    this.#signal = signal
    this.#time = options.time ?? systemTime
    this.#clock = options.clock ?? Date
    this.#waitMs = options.waitMs ?? 5_000
    this.#verifyMs = options.verifyMs ?? 300_000
    this.#onProblem = options.onProblem ?? (() => {})
    this.commits = new GroupCommit(kv)
    signal.addEventListener('abort', () => {
      for (const { wake } of this.#waiters) wake()
    })
  }

  current(): ClusterView {
    return this.#index
  }

  async waitFor(revision: number, signal?: AbortSignal): Promise<ClusterView> {
    if (this.#index.revision >= revision) return this.#index
    await this.#reached(revision, PATIENCE_MS, signal)
    // A write outside our prefix moves etcd's revision and sends us nothing: a list settles what the watch cannot.
    if (this.#index.revision < revision && !this.#over(signal)) await this.list()
    if (this.#index.revision < revision) await this.#reached(revision, this.#waitMs, signal)
    if (this.#index.revision >= revision) return this.#index
    throw new WeftError('deadline', {
      what: 'the cache did not reach a revision',
      on: String(revision),
      why: `it is at ${this.#index.revision}`,
      remedy: 'try again; look at the connection to etcd',
    })
  }

  /** Resolves when the revision is reached, the time is up, or nobody waits any more. */
  #reached(revision: number, ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#over(signal) || this.#index.revision >= revision) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        cancel()
        signal?.removeEventListener('abort', wake)
        this.#waiters.delete(waiter)
        resolve()
      }
      const cancel = this.#time.after(ms, wake)
      const waiter: Waiter = { revision, wake }
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', wake)
    })
  }

  #over(signal: AbortSignal | undefined): boolean {
    return this.#signal.aborted || signal?.aborted === true
  }

  async newest(signal?: AbortSignal): Promise<ClusterView> {
    const { revision } = await this.#kv.get(keys.cluster, signal === undefined ? {} : { signal })
    return this.waitFor(revision, signal)
  }

  changes(signal: AbortSignal): AsyncIterable<ClusterChange> {
    return this.#feed.subscribe(AbortSignal.any([signal, this.#signal]))
  }

  /** Reads everything and takes in what differs; who asks meanwhile shares the answer. */
  list(): Promise<void> {
    this.#listing ??= this.#listOnce().finally(() => {
      this.#listing = undefined
    })
    return this.#listing
  }

  async #listOnce(): Promise<void> {
    const before = this.#index.revision
    const { entries, revision } = await this.#kv.list(ROOT, { signal: this.#signal })
    if (revision < before) this.#rewind(before, revision)
    if (revision < this.#index.revision) return
    const { gone, fresh } = this.#differences(entries)
    this.#take(revision, [
      ...gone.map((key): WatchEvent => ({ kind: 'delete', key, modRevision: revision })),
      ...fresh.map((entry): WatchEvent => ({ kind: 'put', entry })),
    ])
  }

  #differences(entries: readonly Entry[]): { gone: string[]; fresh: Entry[] } {
    const present = new Set(entries.map(({ key }) => key))
    return {
      gone: [...this.#seen.keys()].filter((key) => !present.has(key)),
      fresh: entries.filter(({ key, modRevision }) => this.#seen.get(key) !== modRevision),
    }
  }

  /** etcd is older than we are: restored from a backup. What it holds is the truth; every reader looks anew. */
  #rewind(before: number, revision: number): void {
    this.#onProblem({ what: 'etcd went back', why: `from revision ${before} to ${revision}: restored from a backup?` })
    this.#index.revision = revision
    this.#stale.abort()
    this.#feed.tell({ revision, at: this.#clock.now(), reset: true, records: [] })
  }

  /**
   * Compares with a linearizable list every few minutes: a watch is a hint (FACTS 2.3), and what it lost is told and
   * mended. Keys that changed meanwhile are left for the next time.
   */
  async verify(): Promise<void> {
    while (!this.#signal.aborted) {
      await sleep(this.#time, this.#verifyMs, this.#signal)
      if (this.#signal.aborted) return
      try {
        await this.#verifyOnce()
      } catch (thrown) {
        if (!this.#signal.aborted) this.#onProblem({ what: 'cannot compare', why: WeftError.from(thrown).message })
      }
    }
  }

  async #verifyOnce(): Promise<void> {
    const touched = new Set<string>()
    this.#touched = touched
    try {
      const before = this.#index.revision
      const { entries, revision } = await this.#kv.list(ROOT, { signal: this.#signal })
      if (revision < before) return await this.list()
      await this.#reached(revision, this.#waitMs, undefined)
      const { gone, fresh } = this.#differences(entries)
      const lost = [...gone, ...fresh.map(({ key }) => key)].filter((key) => !touched.has(key))
      if (lost.length === 0) return
      this.#onProblem({ what: 'the watch lost changes', why: `${lost.length} keys, ${lost.slice(0, 3).join(', ')}` })
      await this.list()
    } finally {
      this.#touched = undefined
    }
  }

  /** Follows until the signal; whatever ends a watch leads to a new list. */
  async follow(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await this.#watch()
        if (!this.#signal.aborted) await this.list()
      } catch (thrown) {
        if (this.#signal.aborted) return
        this.#onProblem({ what: 'cannot follow etcd', why: WeftError.from(thrown).message })
        await sleep(this.#time, RETRY_MS, this.#signal)
      }
    }
  }

  async #watch(): Promise<void> {
    this.#stale = new AbortController()
    const signal = AbortSignal.any([this.#signal, this.#stale.signal])
    for await (const batch of this.#kv.watch(ROOT, { fromRevision: this.#index.revision + 1, signal })) {
      if (batch.kind === 'compacted' || signal.aborted) return
      // A list may have overtaken the watch.
      const known = this.#index.revision
      const events = batch.kind === 'events' ? batch.events.filter((event) => revisionOf(event) > known) : []
      this.#take(batch.revision, events)
    }
  }

  #take(revision: number, events: readonly WatchEvent[]): void {
    const records: RecordChange[] = []
    for (const event of events) {
      const change = event.kind === 'put' ? this.#put(event.entry) : this.#delete(event.key)
      if (change !== undefined) records.push(change)
    }
    this.#index.revision = Math.max(this.#index.revision, revision)
    if (events.length > 0) this.#feed.tell({ revision, at: this.#clock.now(), reset: false, records })
    for (const waiter of this.#waiters) if (waiter.revision <= this.#index.revision) waiter.wake()
  }

  #put(entry: Extract<WatchEvent, { kind: 'put' }>['entry']): RecordChange | undefined {
    this.#touched?.add(entry.key)
    this.#seen.set(entry.key, entry.modRevision)
    const change = this.#index.put(entry)
    const why = this.#index.damaged.get(entry.key)
    if (why !== undefined) this.#onProblem({ what: 'record cannot be read', key: entry.key, why })
    return change
  }

  #delete(key: string): RecordChange | undefined {
    this.#touched?.add(key)
    this.#seen.delete(key)
    return this.#index.delete(key)
  }
}
