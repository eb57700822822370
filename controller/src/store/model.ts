/**
 * etcd in memory, for simulation and quick tests: the same wire, so the same client, watch and lease code runs on it.
 * Deterministic: time is handed in, answers come in the order of the calls, and faults come from the one function given.
 * The conformance suite and the property test against real etcd keep it honest.
 */
import { WeftError } from '@weft/shared'
import { type ClientOptions, kvOver } from './client.ts'
import type { Kv, WatchEvent } from './kv.ts'
import { Mvcc } from './model-mvcc.ts'
import type { KeyRange } from './range.ts'
import { systemTime, type Time } from './time.ts'
import { revisionOf } from './watch.ts'
import type { WatchListener, WatchStream, Wire } from './wire.ts'

export type ModelCall = 'range' | 'txn' | 'leaseGrant' | 'leaseRenew' | 'leaseRevoke' | 'watch'

/**
 * What becomes of a call: `refuse` fails at once and unapplied; `lose-request` and `lose-answer` say nothing until the
 * deadline, the latter after applying; `break-answer` applies and fails at once. A watch knows only `refuse`.
 */
export type ModelFault = 'none' | 'refuse' | 'lose-request' | 'lose-answer' | 'break-answer'

export interface ModelClientOptions extends ClientOptions {
  readonly fault?: (call: ModelCall) => ModelFault
}

/** Revisions that etcd packs in one answer when a watcher catches up. */
const CATCH_UP_REVISIONS = 1_000

interface Watcher {
  readonly range: KeyRange
  readonly listener: WatchListener
  /** First revision not yet sent. */
  next: number
  paused: boolean
}

/** One etcd, to which any number of clients connect. */
export class ModelStore {
  readonly #mvcc = new Mvcc()
  readonly #watchers = new Set<Watcher>()
  readonly #expiry = new Map<string, { ttlMs: number; cancel: () => void }>()
  readonly #time: Time
  #lastLease = 0

  constructor(options: { readonly time?: Time } = {}) {
    this.#time = options.time ?? systemTime
  }

  get revision(): number {
    return this.#mvcc.revision
  }

  /** A client of this store; faults are of this client alone. */
  connect(options: ModelClientOptions = {}): Kv {
    return kvOver(this.#wire(options.fault ?? (() => 'none')), { time: this.#time, ...options })
  }

  /** As `etcdctl compact`. Watchers that lag behind are told when they are next served. */
  compact(revision: number): void {
    this.#mvcc.compact(revision)
  }

  /** Ends every watch stream, as a restart of the server does. */
  breakWatches(why = 'connection lost'): void {
    for (const watcher of [...this.#watchers]) {
      this.#watchers.delete(watcher)
      watcher.listener.failed(new WeftError('unavailable', { what: 'watch', on: 'model', why }))
    }
  }

  /** As the server's periodic progress notice. */
  notifyProgress(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.paused && watcher.next > this.#mvcc.revision) {
        watcher.listener.answer({ kind: 'progress', revision: this.#mvcc.revision })
      }
    }
  }

  /** Ends a lease as its expiry would. */
  expireLease(id: string): void {
    this.#expiry.get(id)?.cancel()
    this.#expiry.delete(id)
    this.#publish(this.#mvcc.dropLease(id))
  }

  /** Stops the timers of all leases. */
  close(): void {
    for (const { cancel } of this.#expiry.values()) cancel()
  }

  #wire(fault: (call: ModelCall) => ModelFault): Wire {
    const own = new Set<WatchStream>()
    const call = <T>(name: ModelCall, deadlineMs: number, run: () => T) =>
      faulty(this.#time, name, fault(name), deadlineMs, run)
    return {
      range: (request, deadlineMs) => call('range', deadlineMs, () => this.#mvcc.range(request)),
      txn: (txn, deadlineMs) =>
        call('txn', deadlineMs, () => {
          const { answer, events } = this.#mvcc.txn(txn)
          this.#publish(events)
          return answer
        }),
      watch: (range, fromRevision, listener) => {
        const stream = this.#watch(range, fromRevision, listener, fault('watch') !== 'none')
        own.add(stream)
        return stream
      },
      leaseGrant: (ttlSeconds, deadlineMs) =>
        call('leaseGrant', deadlineMs, () => {
          const id = String(++this.#lastLease)
          this.#mvcc.addLease(id)
          this.#expiry.set(id, { ttlMs: ttlSeconds * 1_000, cancel: () => {} })
          this.#renew(id)
          return { id, ttlSeconds }
        }),
      leaseRenew: (id, deadlineMs) => call('leaseRenew', deadlineMs, () => this.#renew(id)),
      leaseRevoke: (id, deadlineMs) => call('leaseRevoke', deadlineMs, () => this.expireLease(id)),
      close: () => {
        for (const stream of own) stream.close()
      },
    }
  }

  #renew(id: string): number {
    const lease = this.#expiry.get(id)
    if (lease === undefined) return 0
    lease.cancel()
    lease.cancel = this.#time.after(lease.ttlMs, () => this.expireLease(id))
    return lease.ttlMs / 1_000
  }

  #watch(range: KeyRange, fromRevision: number, listener: WatchListener, refused: boolean): WatchStream {
    const watcher: Watcher = { range, listener, next: fromRevision, paused: false }
    const close = () => this.#watchers.delete(watcher)
    this.#watchers.add(watcher)
    queueMicrotask(() => {
      if (!this.#watchers.has(watcher)) return
      if (refused) {
        close()
        listener.failed(new WeftError('unavailable', { what: 'watch', on: 'model', why: 'refused' }))
        return
      }
      listener.answer({ kind: 'created' })
      this.#serve(watcher)
    })
    return {
      ping: () => {
        if (this.#watchers.has(watcher) && !watcher.paused) listener.answer({ kind: 'pong' })
      },
      pause: () => {
        watcher.paused = true
      },
      resume: () => {
        watcher.paused = false
        this.#serve(watcher)
      },
      close,
    }
  }

  #publish(events: readonly WatchEvent[]): void {
    if (events.length > 0) for (const watcher of [...this.#watchers]) this.#serve(watcher)
  }

  /** Sends a watcher all that it lacks, at most 1,000 revisions an answer, a revision never in two. */
  #serve(watcher: Watcher): void {
    while (this.#watchers.has(watcher) && !watcher.paused && watcher.next <= this.#mvcc.revision) {
      const compacted = this.#mvcc.compactedRevision
      if (watcher.next < compacted) {
        this.#watchers.delete(watcher)
        watcher.listener.answer({ kind: 'compacted', compactRevision: compacted })
        return
      }
      const upTo = Math.min(this.#mvcc.revision, watcher.next + CATCH_UP_REVISIONS - 1)
      const events = this.#mvcc.eventsFrom(watcher.range, watcher.next).filter((event) => revisionOf(event) <= upTo)
      watcher.next = upTo + 1
      if (events.length > 0) watcher.listener.answer({ kind: 'events', events })
    }
  }
}

/** One client on a model of its own. */
export function modelKv(options: ModelClientOptions = {}): Kv {
  return new ModelStore(options.time === undefined ? {} : { time: options.time }).connect(options)
}

async function faulty<T>(time: Time, call: ModelCall, fault: ModelFault, deadlineMs: number, run: () => T): Promise<T> {
  if (fault === 'refuse') throw new WeftError('unavailable', { what: call, on: 'model', why: 'refused' })
  await Promise.resolve()
  if (fault === 'none') return run()
  if (fault !== 'lose-request') run()
  if (fault === 'break-answer') {
    throw new WeftError('unavailable', { what: call, on: 'model', why: 'connection lost', ambiguous: true })
  }
  return new Promise<T>((_, reject) => {
    time.after(deadlineMs, () =>
      reject(new WeftError('deadline', { what: call, on: 'model', why: 'no answer', ambiguous: true })),
    )
  })
}
