/**
 * The store as the rest of the controller sees it: etcd or the model of it, with one meaning.
 * Invariants: every answer carries the revision it is true at; a transaction is all or nothing at one revision;
 * a write whose answer was lost is reported as `ambiguous`, never repeated here (see commit.ts).
 */

/** A record: its text, where it was created, where it was last written, and the lease it hangs on, if any. */
export interface Entry {
  readonly key: string
  readonly value: string
  readonly createRevision: number
  readonly modRevision: number
  readonly lease?: string
}

export type Relation = '=' | '!=' | '<' | '>'

/** One term of a transaction's condition. An absent key has create and mod revision 0. */
export type Compare =
  | { readonly key: string; readonly create: number; readonly op?: Relation }
  | { readonly key: string; readonly mod: number; readonly op?: Relation }
  /** Holds when no key starts with the prefix. */
  | { readonly range: string; readonly empty: true }
  /** Holds when no key that starts with the prefix was written at this revision or later. */
  | { readonly range: string; readonly writtenBefore: number }

/** One write. A key may be written once per transaction, and not be put and deleted in the same one. */
export type KvOp =
  | { readonly put: string; readonly value: string; readonly lease?: string }
  | { readonly delete: string }
  | { readonly deleteRange: string }

/** One read of the else branch. `list` and `deleteRange` take prefixes; `countOnly` leaves the entries out. */
export type KvRead =
  | { readonly get: string }
  | { readonly list: string; readonly limit?: number; readonly countOnly?: boolean }

export interface Txn {
  readonly if: readonly Compare[]
  readonly then: readonly KvOp[]
  readonly else: readonly KvRead[]
}

/** Answer to one read: `count` is the number of keys below the prefix, whatever the limit. */
export interface ReadAnswer {
  readonly entries: readonly Entry[]
  readonly count: number
}

export type TxnAnswer =
  | { readonly succeeded: true; readonly revision: number }
  | { readonly succeeded: false; readonly revision: number; readonly reads: readonly ReadAnswer[] }

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Total budget of the call with its retries, milliseconds; 5,000 unless told. */
  readonly deadlineMs?: number
}

export interface ReadOptions extends CallOptions {
  /** Read as of this revision; the newest (linearizable) unless told. `not_found` when compacted. */
  readonly revision?: number
}

export interface ListOptions extends ReadOptions {
  readonly limit?: number
}

export interface ListAnswer extends ReadAnswer {
  readonly revision: number
}

export type WatchEvent =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'delete'; readonly key: string; readonly modRevision: number }

/**
 * What a watch yields, in revision order and each revision whole and once.
 * `progress`: everything up to `revision` has been yielded, and the stream is alive. `compacted` ends the watch: list again.
 */
export type WatchBatch =
  | { readonly kind: 'events'; readonly revision: number; readonly events: readonly WatchEvent[] }
  | { readonly kind: 'progress'; readonly revision: number }
  | { readonly kind: 'compacted'; readonly compactRevision: number }

export interface WatchOptions {
  /** First revision wanted: that of the list plus one. */
  readonly fromRevision: number
  readonly signal: AbortSignal
}

/** A lease kept alive until `revoke` or until it is lost. It serves liveness and leadership, never safety. */
export interface Lease {
  readonly id: string
  /** True while the server is sure to hold it: monotonic time of the last answered send + TTL - margin. */
  valid(): boolean
  /** Aborted, once, when the lease is no longer provably held. */
  readonly lost: AbortSignal
  /** Ends the lease; its keys go with it. Revoking a lease that is gone succeeds. */
  revoke(): Promise<void>
}

export interface Kv {
  get(key: string, options?: ReadOptions): Promise<{ readonly entry?: Entry; readonly revision: number }>
  /** Entries below a prefix, in key order, all at one revision. */
  list(prefix: string, options?: ListOptions): Promise<ListAnswer>
  count(prefix: string, options?: ReadOptions): Promise<{ readonly count: number; readonly revision: number }>
  /**
   * Runs one transaction. Never repeats it when it may have been applied: throws `unavailable` or `deadline` with
   * `ambiguous` true instead. `invalid` for what etcd refuses: over 128 operations, a key written twice.
   */
  txn(txn: Txn, options: CallOptions & { readonly requestId: string }): Promise<TxnAnswer>
  /** Follows a prefix from a revision, over reconnects, until the signal, or a compaction, ends it. */
  watch(prefix: string, options: WatchOptions): AsyncIterable<WatchBatch>
  grantLease(ttlSeconds: number, options?: CallOptions): Promise<Lease>
  /** A lease that nobody here keeps alive: its id. Whoever hears of its holder renews it with `refreshLease`. */
  grantUnkeptLease(ttlSeconds: number, options?: CallOptions): Promise<string>
  /** Renews a lease once, from whichever client; false when it is gone. */
  refreshLease(id: string, options?: CallOptions): Promise<boolean>
  /** Ends connections and timers. Calls after it fail. */
  close(): void
}
