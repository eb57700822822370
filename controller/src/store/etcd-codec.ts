import type { IKeyValue, IRangeRequest, IRangeResponse, ITxnRequest, IWatchResponse } from 'etcd3'
import type { Compare, Entry, KvOp, ReadAnswer, Relation, Txn, WatchEvent } from './kv.ts'
import { below, type KeyRange, oneKey } from './range.ts'
import type { WatchAnswer, WireRange } from './wire.ts'
import { wireRead } from './wire-read.ts'

/** Our words to etcd's messages and back. Keys are ASCII, values UTF-8; revisions fit a number for 9 * 10^15 writes. */

const RELATION = { '=': 'Equal', '!=': 'NotEqual', '<': 'Less', '>': 'Greater' } as const satisfies Record<
  Relation,
  string
>

/** `watch_id` of answers that belong to no watch, such as the one to a progress request. */
const NO_WATCH = '-1'

export function encodeRange(range: KeyRange): { key: Buffer; range_end?: Buffer } {
  const key = Buffer.from(range.from, 'latin1')
  return range.to === undefined ? { key } : { key, range_end: Buffer.from(range.to, 'latin1') }
}

export function encodeRead({ range, limit, revision, countOnly }: WireRange): IRangeRequest {
  return {
    ...encodeRange(range),
    ...(limit === undefined ? {} : { limit }),
    ...(revision === undefined ? {} : { revision }),
    ...(countOnly === true ? { count_only: true } : {}),
  }
}

export function encodeTxn(txn: Txn): ITxnRequest {
  return {
    compare: txn.if.map(encodeCompare),
    success: txn.then.map(encodeOp),
    failure: txn.else.map((read) => ({ request_range: encodeRead(wireRead(read)) })),
  }
}

function encodeCompare(compare: Compare): NonNullable<ITxnRequest['compare']>[number] {
  if ('writtenBefore' in compare) {
    const { range, writtenBefore } = compare
    return { ...encodeRange(below(range)), target: 'Mod', result: 'Less', mod_revision: writtenBefore }
  }
  if ('range' in compare) {
    // Over a range etcd asks the term of every key; no key has create revision 0, so it holds only where there is none.
    return { ...encodeRange(below(compare.range)), target: 'Create', result: 'Equal', create_revision: 0 }
  }
  const term = { key: Buffer.from(oneKey(compare.key).from, 'latin1'), result: RELATION[compare.op ?? '='] }
  return 'create' in compare
    ? { ...term, target: 'Create', create_revision: compare.create }
    : { ...term, target: 'Mod', mod_revision: compare.mod }
}

function encodeOp(op: KvOp): NonNullable<ITxnRequest['success']>[number] {
  if ('put' in op) {
    const put = { key: Buffer.from(oneKey(op.put).from, 'latin1'), value: Buffer.from(op.value) }
    return { request_put: op.lease === undefined ? put : { ...put, lease: op.lease } }
  }
  return { request_delete_range: encodeRange('delete' in op ? oneKey(op.delete) : below(op.deleteRange)) }
}

export function decodeRead(answer: Pick<IRangeResponse, 'kvs' | 'count'>): ReadAnswer {
  return { entries: answer.kvs.map(decodeEntry), count: Number(answer.count) }
}

function decodeEntry(kv: IKeyValue): Entry {
  const entry = {
    key: kv.key.toString('latin1'),
    value: kv.value.toString('utf8'),
    createRevision: Number(kv.create_revision),
    modRevision: Number(kv.mod_revision),
  }
  return kv.lease === '0' ? entry : { ...entry, lease: kv.lease }
}

/** An answer on the stream; an Error when the server ended the watch for another reason than compaction. */
export function decodeWatch(answer: IWatchResponse): WatchAnswer | Error {
  if (answer.compact_revision !== '0') return { kind: 'compacted', compactRevision: Number(answer.compact_revision) }
  if (answer.canceled) return new Error(`etcd ended the watch: ${answer.cancel_reason || 'no reason given'}`)
  if (answer.created) return { kind: 'created' }
  if (answer.events.length > 0) return { kind: 'events', events: answer.events.map(decodeEvent) }
  if (answer.watch_id === NO_WATCH) return { kind: 'pong' }
  return { kind: 'progress', revision: Number(answer.header.revision) }
}

function decodeEvent(event: IWatchResponse['events'][number]): WatchEvent {
  return event.type === 'Delete'
    ? { kind: 'delete', key: event.kv.key.toString('latin1'), modRevision: Number(event.kv.mod_revision) }
    : { kind: 'put', entry: decodeEntry(event.kv) }
}
