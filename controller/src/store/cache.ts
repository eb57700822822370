/**
 * A prefix of the store in memory: one list, then a watch from the revision after it, and a new list whenever the watch
 * cannot go on.
 *
 * Invariants (TRUTH.md I21, I23)
 * - The entries at revision R are what the store held at R; a revision is taken in whole.
 * - Nothing is shown before the first list is complete; a later list is compared with what was there, so nobody sees an
 *   empty cache in between.
 * - The revision goes back only with the store itself (a restored backup), and then every reader is told to look anew.
 *
 * A watch is a hint (FACTS 2.3): every few minutes a linearizable list must agree with what the watch brought, and a
 * disagreement is counted, told, and mended by a new list and a new watch.
 *
 * A little over 300 lines: list, watch and comparison share one state that nothing else may touch.
 */
import { type Clock, WeftError } from '@weft/shared'
import { type Change, ChangeFeed } from './change-feed.ts'
import type { Entry, Kv, ListAnswer, WatchEvent } from './kv.ts'
import { backoffMs, sleep, systemTime, type Time } from './time.ts'
import { revisionOf } from './watch.ts'

/** What one key held and holds. Absent `before`: made; absent `after`: removed. */
export interface KeyChange {
  readonly key: string
  readonly before?: Entry
  readonly after?: Entry
}

/** What a cache's user makes of its entries; told of every change before anybody else, in the order of revisions. */
export interface Reading<R> {
  /** What readers of `changes` get for it; undefined for nothing. */
  take(change: KeyChange): R | undefined
  /** All changes up to the revision have been taken. */
  reached(revision: number): void
  /** After each of them: what readers of `changes` get besides, once the store has been asked for it. */
  settle?(): Promise<readonly R[]>
}

/** For readers who want the keys themselves. */
export const keysAsTheyAre: Reading<KeyChange> = { take: (change) => change, reached: () => {} }

export interface Problem {
  readonly what: string
  readonly key?: string
  readonly why: string
}

export interface FollowOptions {
  readonly time?: Time
  readonly clock?: Pick<Clock, 'now'>
  readonly random?: () => number
  /** How long `waitFor` and `newest` wait, milliseconds; 5,000 unless told. */
  readonly waitMs?: number
  /** Between comparisons with the store, milliseconds; 300,000 unless told. */
  readonly verifyMs?: number
  /** Told of what a person should know: a failure to follow, a disagreement, a store that went back. */
  readonly onProblem?: (problem: Problem) => void
}

export interface CacheOptions<R> extends FollowOptions {
  readonly prefix: string
  readonly reading: Reading<R>
  /** Ends the cache. */
  readonly signal: AbortSignal
}

/**
 * How long a revision may take to come over the watch before a list is made, milliseconds; doubles with each list. As long as
 * a few lists take: where others write to the same etcd, a revision often is not ours and sends us nothing.
 */
const PATIENCE_MS = { least: 30, most: 250 } as const
const PATIENCE_LISTS = 4
/** How long the watch may lag behind a list before a difference counts, milliseconds. */
const LAG_MS = 5_000

/** Starts with the constructor; lists and follows until the signal ends it. */
export class Cache<R> {
  readonly counters = { lists: 0, verifications: 0, mismatches: 0 }
  /** Settles when the cache has ended, after the signal. */
  readonly ended: Promise<unknown>
  readonly #kv: Kv
  readonly #options: CacheOptions<R>
  readonly #time: Time
  readonly #waitMs: number
  readonly #onProblem: (problem: Problem) => void
  readonly #entries = new Map<string, Entry>()
  readonly #feed = new ChangeFeed<R>()
  readonly #waiting = new Set<() => void>()
  /** For every list under way: the keys that changed since it began, and the revision of the last change of each. */
  readonly #meanwhile = new Set<Map<string, number>>()
  #revision: number | undefined
  #heardMs = Number.NEGATIVE_INFINITY
  /** What the last list took. */
  #listMs = 0
  #listing: Promise<void> | undefined
  /** Aborted when the running watch is not to be trusted, or waits for revisions that will not come. */
  #stale = new AbortController()

  constructor(kv: Kv, options: CacheOptions<R>) {
    this.#kv = kv
    this.#options = options
    this.#time = options.time ?? systemTime
    this.#waitMs = options.waitMs ?? 5_000
    this.#onProblem = options.onProblem ?? (() => {})
    options.signal.addEventListener('abort', () => this.#wake())
    this.ended = Promise.all([this.#follow(), this.#compareAgain()])
  }

  /** A copy, in the order of keys. @throws `unavailable` before the first list is complete */
  current(): { readonly revision: number; readonly entries: ReadonlyMap<string, Entry> } {
    if (this.#revision === undefined) {
      const why = 'etcd has not answered yet'
      throw new WeftError('unavailable', { what: 'the first list is not complete', on: this.#options.prefix, why })
    }
    return { revision: this.#revision, entries: new Map([...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1))) }
  }

  /** Every change from this call on. A reader that falls far behind gets one change with `reset`. */
  changes(signal: AbortSignal): AsyncIterable<Change<R>> {
    return this.#feed.subscribe(AbortSignal.any([signal, this.#options.signal]))
  }

  /**
   * Resolves when the cache holds everything up to the revision, whoever wrote it.
   * @throws `deadline` after `waitMs`, when the signal aborts, or when the cache has ended; `unavailable` when a list fails
   */
  async waitFor(revision: number, signal?: AbortSignal): Promise<void> {
    const end = this.#time.monotonicMs() + this.#waitMs
    const leftMs = () => Math.max(0, end - this.#time.monotonicMs())
    for (let patienceMs = this.#patienceMs(); !this.#holds(revision); patienceMs *= 2) {
      await this.#reached(revision, Math.min(patienceMs, leftMs()), signal)
      if (this.#holds(revision)) return
      if (this.#over(signal) || leftMs() === 0) {
        throw new WeftError('deadline', {
          what: 'the cache did not reach a revision',
          on: String(revision),
          why: `it is at ${this.#revision ?? 'nothing'}`,
          remedy: 'try again; look at the connection to etcd',
        })
      }
      // A write outside our prefix moves the store's revision and sends us nothing: a list settles what the watch cannot.
      await Promise.race([this.list(), this.#reached(revision, leftMs(), signal)])
    }
  }

  #patienceMs(): number {
    return Math.min(Math.max(PATIENCE_LISTS * this.#listMs, PATIENCE_MS.least), PATIENCE_MS.most)
  }

  /** Resolves when the cache holds everything that the store had acknowledged when this was called. */
  async newest(signal?: AbortSignal): Promise<void> {
    const before = this.#revision ?? 0
    const { revision } = await this.#kv.get(this.#options.prefix, signal === undefined ? {} : { signal })
    if (revision < before) await this.list()
    await this.waitFor(revision, signal)
  }

  /** Milliseconds since the store was last heard of; infinite before the first list. */
  ageMs(): number {
    return this.#time.monotonicMs() - this.#heardMs
  }

  /** Reads everything and takes in what differs; who asks meanwhile shares the answer. */
  list(): Promise<void> {
    this.#listing ??= this.#read(async (list, meanwhile, before) => {
      this.counters.lists++
      if (list.revision >= before) {
        return await this.#take(Math.max(list.revision, this.#revision ?? 0), this.#differences(list, meanwhile))
      }
      const why = `from revision ${before} to ${list.revision}: restored from a backup?`
      this.#onProblem({ what: 'etcd went back', why })
      this.#stale.abort()
      await this.#take(list.revision, this.#differences(list), true)
    }).finally(() => {
      this.#listing = undefined
    })
    return this.#listing
  }

  /** Lists, and hands the list on with what changed and the revision that was known when it began. */
  async #read(
    use: (list: ListAnswer, meanwhile: ReadonlyMap<string, number>, before: number) => Promise<void>,
  ): Promise<void> {
    const [meanwhile, before] = [new Map<string, number>(), this.#revision ?? 0]
    this.#meanwhile.add(meanwhile)
    try {
      const { prefix, signal } = this.#options
      const began = this.#time.monotonicMs()
      const list = await this.#kv.list(prefix, { signal })
      this.#heardMs = this.#time.monotonicMs()
      this.#listMs = this.#heardMs - began
      await use(list, meanwhile, before)
    } finally {
      this.#meanwhile.delete(meanwhile)
    }
  }

  /**
   * What must happen for the cache to equal the list.
   * @param meanwhile what changed after the list was made is left out; without it, the list decides alone
   */
  #differences(list: ListAnswer, meanwhile?: ReadonlyMap<string, number>): WatchEvent[] {
    const listed = new Map(list.entries.map((entry) => [entry.key, entry]))
    return [...new Set([...this.#entries.keys(), ...listed.keys()])].flatMap((key): WatchEvent[] => {
      const [known, entry] = [this.#entries.get(key), listed.get(key)]
      if (known?.modRevision === entry?.modRevision && known?.value === entry?.value) return []
      const changedAt = Math.max(meanwhile?.get(key) ?? 0, known?.modRevision ?? 0)
      if (meanwhile !== undefined && changedAt > list.revision) return []
      return [entry === undefined ? { kind: 'delete', key, modRevision: list.revision } : { kind: 'put', entry }]
    })
  }

  async #compareAgain(): Promise<void> {
    const { signal, verifyMs = 300_000 } = this.#options
    while (!signal.aborted) {
      await sleep(this.#time, verifyMs, signal)
      if (signal.aborted || this.#revision === undefined) continue
      try {
        await this.#compare()
      } catch (thrown) {
        if (!signal.aborted) this.#onProblem({ what: 'cannot compare', why: WeftError.from(thrown).message })
      }
    }
  }

  #compare(): Promise<void> {
    return this.#read(async (list, meanwhile, before) => {
      this.counters.verifications++
      if (list.revision < before) return await this.list()
      if (this.#differences(list, meanwhile).length === 0) return
      // The last events before the list may still be under way: a difference counts only if it lasts.
      await this.#reached(list.revision, LAG_MS)
      const lost = this.#differences(list, meanwhile).map(keyOf)
      if (lost.length === 0 || this.#over()) return
      this.counters.mismatches++
      this.#onProblem({ what: 'the watch lost changes', why: `${lost.length} keys, ${lost.slice(0, 3).join(', ')}` })
      this.#stale.abort()
    })
  }

  async #follow(): Promise<void> {
    const { signal, random = Math.random } = this.#options
    let complete = false
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (!complete) await this.list()
        failures = 0
        complete = await this.#watch()
      } catch (thrown) {
        if (signal.aborted) return
        complete = false
        this.#onProblem({ what: 'cannot follow etcd', why: WeftError.from(thrown).message })
        await sleep(this.#time, backoffMs(failures++, random), signal)
      }
    }
  }

  /** Takes in what the watch brings until it ends; true when it may go on from where the cache is, without a list. */
  async #watch(): Promise<boolean> {
    this.#stale = new AbortController()
    const [prefix, signal] = [this.#options.prefix, AbortSignal.any([this.#options.signal, this.#stale.signal])]
    for await (const batch of this.#kv.watch(prefix, { fromRevision: (this.#revision ?? 0) + 1, signal })) {
      if (signal.aborted) return false
      // A list may have overtaken the watch.
      const known = this.#revision ?? 0
      if (batch.kind === 'compacted') return known >= batch.compactRevision
      this.#heardMs = this.#time.monotonicMs()
      const events = batch.kind === 'events' ? batch.events.filter((event) => revisionOf(event) > known) : []
      await this.#take(Math.max(known, batch.revision), events)
    }
    return false
  }

  async #take(revision: number, events: readonly WatchEvent[], reset = false): Promise<void> {
    const { reading } = this.#options
    const records = events.flatMap((event): R[] => {
      const [key, before] = [keyOf(event), this.#entries.get(keyOf(event))]
      for (const meanwhile of this.#meanwhile) meanwhile.set(key, revisionOf(event))
      if (event.kind === 'put') this.#entries.set(key, event.entry)
      else this.#entries.delete(key)
      const after = event.kind === 'put' ? { after: event.entry } : {}
      const record = reading.take({ key, ...(before === undefined ? {} : { before }), ...after })
      return record === undefined ? [] : [record]
    })
    this.#revision = revision
    reading.reached(revision)
    if (events.length > 0 || reset) this.#tell(revision, reset, reset ? [] : records)
    this.#wake()
    const settled = (await reading.settle?.()) ?? []
    if (settled.length > 0) this.#tell(this.#revision, false, settled)
  }

  #tell(revision: number, reset: boolean, records: readonly R[]): void {
    const { clock = Date } = this.#options
    this.#feed.tell({ revision, at: clock.now(), reset, records })
  }

  /** Resolves when the revision is reached, the time is up, or nobody waits any more. */
  async #reached(revision: number, ms: number, signal?: AbortSignal): Promise<void> {
    let over = this.#over(signal)
    const giveUp = () => {
      over = true
      this.#wake()
    }
    const cancel = this.#time.after(ms, giveUp)
    signal?.addEventListener('abort', giveUp)
    while (!this.#holds(revision) && !over && !this.#over()) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
    cancel()
    signal?.removeEventListener('abort', giveUp)
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #holds(revision: number): boolean {
    return this.#revision !== undefined && this.#revision >= revision
  }

  #over(signal?: AbortSignal): boolean {
    return this.#options.signal.aborted || signal?.aborted === true
  }
}

function keyOf(event: WatchEvent): string {
  return event.kind === 'put' ? event.entry.key : event.key
}
