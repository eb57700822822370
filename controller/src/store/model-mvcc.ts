/**
 * The heart of the model: etcd's multi-version store in memory, without time or clients. What etcd refuses it refuses.
 * Invariants: the revision grows by one with each transaction that changed something, and only then; history holds every
 * change from the compacted revision on, in order.
 */
import { WeftError } from '@weft/shared'
import type { Compare, Entry, KvOp, ReadAnswer, Txn, TxnAnswer, WatchEvent } from './kv.ts'
import { below, inRange, type KeyRange, oneKey } from './range.ts'
import { checkTxn } from './txn.ts'
import { revisionOf } from './watch.ts'
import type { WireRange } from './wire.ts'
import { wireRead } from './wire-read.ts'

export class Mvcc {
  #revision = 1
  #compacted = 0
  /** What the keys were at the compacted revision; history begins after it. */
  #base = new Map<string, Entry>()
  #history: WatchEvent[] = []
  #current = new Map<string, Entry>()
  #leases = new Map<string, Set<string>>()

  get revision(): number {
    return this.#revision
  }

  get compactedRevision(): number {
    return this.#compacted
  }

  /** @throws `not_found` for a compacted or a future revision. */
  range({ range, limit, revision, countOnly }: WireRange): ReadAnswer & { readonly revision: number } {
    if (revision !== undefined && revision > this.#revision) throw noRevision(revision, 'it is in the future')
    if (revision !== undefined && revision < this.#compacted) throw noRevision(revision, 'it has been compacted')
    const at = revision === undefined || revision === this.#revision ? this.#current : this.#at(revision)
    const found = select(at, range)
    const entries = countOnly === true ? [] : limit === undefined || limit === 0 ? found : found.slice(0, limit)
    return { entries, count: found.length, revision: revision ?? this.#revision }
  }

  /** @throws `invalid` for what etcd refuses, `not_found` for an unknown lease; then nothing has changed. */
  txn(txn: Txn): { readonly answer: TxnAnswer; readonly events: readonly WatchEvent[] } {
    checkTxn(txn)
    if (!txn.if.every((compare) => this.#holds(compare))) {
      const reads = txn.else.map((read) => this.range(wireRead(read))).map(({ entries, count }) => ({ entries, count }))
      return { answer: { succeeded: false, revision: this.#revision, reads }, events: [] }
    }
    for (const op of txn.then) {
      if ('put' in op && op.lease !== undefined && !this.#leases.has(op.lease)) {
        throw new WeftError('not_found', { what: 'no such lease', on: op.lease })
      }
    }
    const events = this.#write(txn.then)
    return { answer: { succeeded: true, revision: this.#revision }, events }
  }

  /** Events below a range from a revision on. Ask `compactedRevision` first. */
  eventsFrom(range: KeyRange, fromRevision: number): WatchEvent[] {
    return this.#history.filter((event) => revisionOf(event) >= fromRevision && inRange(keyOf(event), range))
  }

  /** Forgets what was before the revision. @throws `not_found` as etcd does for a past or future one. */
  compact(revision: number): void {
    if (revision > this.#revision) throw noRevision(revision, 'it is in the future')
    if (revision <= this.#compacted) throw noRevision(revision, 'it has been compacted')
    this.#base = this.#at(revision)
    this.#history = this.#history.filter((event) => revisionOf(event) > revision)
    this.#compacted = revision
  }

  addLease(id: string): void {
    this.#leases.set(id, new Set())
  }

  hasLease(id: string): boolean {
    return this.#leases.has(id)
  }

  /** Removes a lease and, at one revision, its keys. */
  dropLease(id: string): readonly WatchEvent[] {
    const keys = [...(this.#leases.get(id) ?? [])].sort()
    this.#leases.delete(id)
    return this.#write(keys.map((key) => ({ delete: key })))
  }

  #write(ops: readonly KvOp[]): readonly WatchEvent[] {
    const next = this.#revision + 1
    const events = ops.flatMap((op) => this.#apply(op, next))
    if (events.length > 0) this.#revision = next
    this.#history.push(...events)
    return events
  }

  #apply(op: KvOp, revision: number): WatchEvent[] {
    if ('put' in op) {
      const before = this.#current.get(op.put)
      const createRevision = before?.createRevision ?? revision
      const bare = { key: op.put, value: op.value, createRevision, modRevision: revision }
      const entry = op.lease === undefined ? bare : { ...bare, lease: op.lease }
      this.#detach(before)
      if (op.lease !== undefined) this.#leases.get(op.lease)?.add(op.put)
      this.#current.set(op.put, entry)
      return [{ kind: 'put', entry }]
    }
    const range = 'delete' in op ? oneKey(op.delete) : below(op.deleteRange)
    return select(this.#current, range).map((entry) => {
      this.#detach(entry)
      this.#current.delete(entry.key)
      return { kind: 'delete', key: entry.key, modRevision: revision }
    })
  }

  #detach(entry: Entry | undefined): void {
    if (entry?.lease !== undefined) this.#leases.get(entry.lease)?.delete(entry.key)
  }

  #holds(compare: Compare): boolean {
    if ('writtenBefore' in compare) {
      return select(this.#current, below(compare.range)).every(({ modRevision }) => modRevision < compare.writtenBefore)
    }
    if ('range' in compare) return select(this.#current, below(compare.range)).length === 0
    const entry = this.#current.get(oneKey(compare.key).from)
    const [actual, wanted] =
      'create' in compare ? [entry?.createRevision ?? 0, compare.create] : [entry?.modRevision ?? 0, compare.mod]
    switch (compare.op ?? '=') {
      case '=':
        return actual === wanted
      case '!=':
        return actual !== wanted
      case '<':
        return actual < wanted
      case '>':
        return actual > wanted
    }
  }

  #at(revision: number): Map<string, Entry> {
    const entries = new Map(this.#base)
    for (const event of this.#history) {
      if (revisionOf(event) > revision) break
      if (event.kind === 'put') entries.set(event.entry.key, event.entry)
      else entries.delete(event.key)
    }
    return entries
  }
}

function select(entries: ReadonlyMap<string, Entry>, range: KeyRange): Entry[] {
  if (range.to === undefined) {
    const entry = entries.get(range.from)
    return entry === undefined ? [] : [entry]
  }
  return [...entries.values()].filter(({ key }) => inRange(key, range)).sort((a, b) => (a.key < b.key ? -1 : 1))
}

function keyOf(event: WatchEvent): string {
  return event.kind === 'put' ? event.entry.key : event.key
}

function noRevision(revision: number, why: string): WeftError {
  return new WeftError('not_found', { what: 'no such revision', on: String(revision), why })
}
