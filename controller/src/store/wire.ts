import type { ReadAnswer, Txn, TxnAnswer, WatchEvent } from './kv.ts'
import type { KeyRange } from './range.ts'

/**
 * The few calls of etcd that the store is made of, one attempt each, no retries and no state. Two implementations:
 * etcd.ts over the network, model.ts in memory; what is built on them (client.ts, watch.ts, lease.ts) is the same code.
 *
 * A call rejects with a WeftError: `retryable` says whether another attempt makes sense, `ambiguous` whether a write may
 * have been applied.
 */
export interface Wire {
  /** `revision` of the answer is the one asked for, or else the newest. */
  range(request: WireRange, deadlineMs: number): Promise<ReadAnswer & { readonly revision: number }>
  txn(txn: Txn, deadlineMs: number): Promise<TxnAnswer>
  /** Opens one watch stream; answers and the one closing failure go to the listener. */
  watch(range: KeyRange, fromRevision: number, listener: WatchListener): WatchStream
  leaseGrant(ttlSeconds: number, deadlineMs: number): Promise<{ readonly id: string; readonly ttlSeconds: number }>
  /** Renews once; resolves with the TTL in seconds, 0 when the lease is gone. */
  leaseRenew(id: string, deadlineMs: number): Promise<number>
  leaseRevoke(id: string, deadlineMs: number): Promise<void>
  close(): void
}

export interface WireRange {
  readonly range: KeyRange
  readonly limit?: number
  readonly revision?: number
  readonly countOnly?: boolean
}

/** An answer on a watch stream as etcd sends it. Its header's revision says nothing about what was delivered (E1). */
export type WatchAnswer =
  | { readonly kind: 'created' }
  /** Answer to `ping`: the stream is alive, and no more than that (etcd#15220). */
  | { readonly kind: 'pong' }
  /** The server's own periodic notice: all events up to `revision` have been sent. */
  | { readonly kind: 'progress'; readonly revision: number }
  | { readonly kind: 'events'; readonly events: readonly WatchEvent[] }
  | { readonly kind: 'compacted'; readonly compactRevision: number }

export interface WatchListener {
  answer(answer: WatchAnswer): void
  /** The stream is over; nothing follows. */
  failed(error: Error): void
}

export interface WatchStream {
  /** Asks for a `pong`. */
  ping(): void
  /** Stops reading from the network until `resume`: a slow reader must not fill the memory. */
  pause(): void
  resume(): void
  /** Ends the stream; the listener hears no more. */
  close(): void
}
