/**
 * DNS messages, as far as a resolver needs that answers addresses and names and hands everything else on unread
 * (RFC 1035 section 4, RFC 6891 for EDNS). Pure, and strict: whatever bytes come, it answers what they are.
 *
 * Invariants
 * - A compression pointer is never followed. The first name of a message has nothing to point at, so one there is
 *   refused; behind it names are only stepped over.
 * - No read goes beyond the message.
 */
import { type Address, addressToHex } from '@weft/shared'

export const TYPE = { A: 1, PTR: 12, AAAA: 28, OPT: 41, ANY: 255 } as const
export const RCODE = { ok: 0, format: 1, server: 2, noName: 3, notImplemented: 4, refused: 5, badVersion: 16 } as const
export const CLASS_IN = 1

const HEADER_BYTES = 12
const MOST_LABEL = 63
const MOST_NAME = 255
/** What every resolver takes over UDP (RFC 1035 section 4.2.1). */
const PLAIN_UDP = 512
/** Within every MTU; what we say that we take. */
const OUR_UDP = 1232
const MOST_UDP = 4096
const FLAG = { response: 0x8000, authoritative: 0x400, truncated: 0x200, wanted: 0x100, available: 0x80 } as const
const NAME_OF_QUESTION = 0xc000 | HEADER_BYTES

export interface Question {
  /** Labels as they were written. */
  readonly labels: readonly string[]
  readonly type: number
  readonly class: number
}

export interface Query {
  readonly kind: 'query'
  readonly id: number
  readonly recursionDesired: boolean
  readonly question: Question
  /** The question's bytes, repeated in the answer letter by letter. */
  readonly questionBytes: Buffer
  /** Bytes of the longest answer over UDP. */
  readonly udpBytes: number
  readonly edns: { readonly version: number } | undefined
}

/** `dropped`: not even an error can be answered. `refused`: answer this error. */
export type Parsed =
  | Query
  | { readonly kind: 'refused'; readonly id: number; readonly rcode: number }
  | { readonly kind: 'dropped' }

export function parseQuery(bytes: Buffer): Parsed {
  if (bytes.length < HEADER_BYTES) return { kind: 'dropped' }
  const id = bytes.readUInt16BE(0)
  const flags = bytes.readUInt16BE(2)
  if ((flags & FLAG.response) !== 0) return { kind: 'dropped' }
  const refused = (rcode: number): Parsed => ({ kind: 'refused', id, rcode })
  if (((flags >> 11) & 0xf) !== 0) return refused(RCODE.notImplemented)
  if (bytes.readUInt16BE(4) !== 1) return refused(RCODE.format)
  const name = readLabels(bytes, HEADER_BYTES)
  if (name === undefined || name.end + 4 > bytes.length) return refused(RCODE.format)
  const end = name.end + 4
  const others = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10)
  const edns = findEdns(bytes, end, others)
  if (edns === 'malformed') return refused(RCODE.format)
  return {
    kind: 'query',
    id,
    recursionDesired: (flags & FLAG.wanted) !== 0,
    question: {
      labels: name.labels,
      type: bytes.readUInt16BE(name.end),
      class: bytes.readUInt16BE(name.end + 2),
    },
    questionBytes: Buffer.from(bytes.subarray(HEADER_BYTES, end)),
    udpBytes: edns === undefined ? PLAIN_UDP : Math.min(Math.max(edns.udpBytes, PLAIN_UDP), MOST_UDP),
    edns: edns === undefined ? undefined : { version: edns.version },
  }
}

function readLabels(bytes: Buffer, start: number): { labels: string[]; end: number } | undefined {
  const labels: string[] = []
  let at = start
  for (;;) {
    const length = bytes[at]
    if (length === undefined || length > MOST_LABEL) return undefined
    at++
    if (length === 0) return at - start > MOST_NAME ? undefined : { labels, end: at }
    if (at + length > bytes.length) return undefined
    labels.push(bytes.toString('latin1', at, at + length))
    at += length
    if (at - start >= MOST_NAME) return undefined
  }
}

/** Where the name ends; undefined when it does not. */
function skipName(bytes: Buffer, start: number): number | undefined {
  for (let at = start; at - start < MOST_NAME; ) {
    const length = bytes[at]
    if (length === undefined) return undefined
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length > MOST_LABEL) return undefined
    at += 1 + length
  }
  return undefined
}

function findEdns(
  bytes: Buffer,
  start: number,
  count: number,
): { udpBytes: number; version: number } | undefined | 'malformed' {
  let found: { udpBytes: number; version: number } | undefined
  let at = start
  for (let index = 0; index < count; index++) {
    const named = skipName(bytes, at)
    if (named === undefined || named + 10 > bytes.length) return 'malformed'
    if (bytes.readUInt16BE(named) === TYPE.OPT) {
      if (found !== undefined) return 'malformed'
      found = { udpBytes: bytes.readUInt16BE(named + 2), version: bytes[named + 5] ?? 0 }
    }
    at = named + 10 + bytes.readUInt16BE(named + 8)
    if (at > bytes.length) return 'malformed'
  }
  return found
}

/** Data of one record of the question's name: an address, or the labels of a name. */
export type RecordData =
  | { readonly kind: 'address'; readonly address: Address }
  | { readonly kind: 'name'; readonly labels: readonly string[] }

export interface Answer {
  readonly rcode: number
  readonly records: readonly RecordData[]
  readonly ttlSeconds: number
}

/** An answer of at most `mostBytes`; what does not fit is left out and marked so (TC). */
export function formatAnswer(query: Query, answer: Answer, mostBytes: number): Buffer {
  const opt = query.edns === undefined ? Buffer.alloc(0) : optRecord(answer.rcode)
  const fixed = HEADER_BYTES + query.questionBytes.length + opt.length
  const records: Buffer[] = []
  let length = fixed
  for (const data of answer.records) {
    const record = formatRecord(data, answer.ttlSeconds)
    if (length + record.length > mostBytes) break
    records.push(record)
    length += record.length
  }
  const header = Buffer.alloc(HEADER_BYTES)
  const truncated = records.length < answer.records.length ? FLAG.truncated : 0
  const wanted = query.recursionDesired ? FLAG.wanted : 0
  const flags = FLAG.response | FLAG.authoritative | FLAG.available | truncated | wanted | (answer.rcode & 0xf)
  header.writeUInt16BE(query.id, 0)
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt16BE(opt.length === 0 ? 0 : 1, 10)
  return Buffer.concat([header, query.questionBytes, ...records, opt])
}

/** An error for a message that was not understood: its header alone. */
export function formatRefusal(id: number, rcode: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(FLAG.response | FLAG.available | rcode, 2)
  return header
}

function formatRecord(data: RecordData, ttlSeconds: number): Buffer {
  const [type, bytes] =
    data.kind === 'name'
      ? [TYPE.PTR, formatName(data.labels)]
      : [data.address.family === 4 ? TYPE.A : TYPE.AAAA, Buffer.from(addressToHex(data.address), 'hex')]
  const head = Buffer.alloc(12)
  head.writeUInt16BE(NAME_OF_QUESTION, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(CLASS_IN, 4)
  head.writeUInt32BE(ttlSeconds, 6)
  head.writeUInt16BE(bytes.length, 10)
  return Buffer.concat([head, bytes])
}

/** Root name, type OPT, the size that we take, the upper bits of the error (RFC 6891 section 6.1.2). */
function optRecord(rcode: number): Buffer {
  const bytes = Buffer.alloc(11)
  bytes.writeUInt16BE(TYPE.OPT, 1)
  bytes.writeUInt16BE(OUR_UDP, 3)
  bytes[5] = rcode >> 4
  return bytes
}

function formatName(labels: readonly string[]): Buffer {
  const parts = labels.map((label) => Buffer.from(label, 'latin1'))
  return Buffer.concat([...parts.flatMap((part) => [Buffer.from([part.length]), part]), Buffer.alloc(1)])
}
