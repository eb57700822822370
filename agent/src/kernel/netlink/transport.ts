/**
 * A synchronous netlink socket that cannot abort the process: `send`, then `recv` until the answer with our sequence
 * number is complete. No event loop, so no overrun; a deadline by SO_RCVTIMEO, so that a lost answer cannot hang.
 *
 * Invariants
 * - After a call returns or throws, no answer of it is left in the queue, or the socket drops it by its sequence number.
 * - Nothing here is asynchronous: two dumps can never be interleaved on one socket (DOCKER.md 5, defect 5).
 */

import { WeftError } from '@weft/shared'
import type { NetlinkMessage as Message } from 'netlink/dist/structs.js'
import { ERRNO, errnoError, type Refusal } from '../errno.ts'
import { type Channel, openChannel, PROTOCOL } from './channel.ts'
import { decodeMessages, decodeRefusal, encodeRequest, FLAG, type Request, TYPE } from './message.ts'

const SEQ_MAX = 0xffff_ffff
/** A batch at most; also keeps its acknowledgements far under the receive buffer. */
export const BATCH_MESSAGES = 500
const BATCH_BYTES = 1 << 20
/** A table that changes under a dump this often is not going to hold still. */
const DUMP_ATTEMPTS = 10

export interface BatchFailure extends Refusal {
  /** Position of the request in the batch. */
  readonly index: number
}

export class NetlinkSocket {
  readonly #channel: Channel
  /** Of the next request; the deadline of one exchange must not let its late answer pass for that of another. */
  #seq = 1
  #busy = false

  constructor(channel: Channel) {
    this.#channel = channel
  }

  close(): void {
    this.#channel.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Sends one request and waits for its acknowledgement; the refusal, or undefined when the kernel agreed. */
  change(request: Request): Refusal | undefined {
    return this.batch([request])[0]
  }

  /**
   * Sends up to {@link BATCH_MESSAGES} requests at once; the kernel handles them in order and goes on after a refusal.
   * Only the last asks for an acknowledgement; refusals come back in any case and are told apart by sequence number.
   */
  batch(requests: readonly Request[]): BatchFailure[] {
    return requests.length === 0 ? [] : this.#exclusively(() => this.#batch(requests))
  }

  #batch(requests: readonly Request[]): BatchFailure[] {
    const first = this.#take(requests.length)
    const last = first + requests.length - 1
    const bytes = Buffer.concat(
      requests.flatMap((request, index) =>
        encodeRequest(request, first + index, index === requests.length - 1 ? FLAG.ack : 0),
      ),
    )
    if (requests.length > BATCH_MESSAGES || bytes.length > BATCH_BYTES) {
      throw new WeftError('internal', { what: 'netlink batch too large', on: `${requests.length} messages` })
    }
    this.#channel.send(bytes)
    const failures: BatchFailure[] = []
    for (;;) {
      for (const message of this.#next()) {
        if (message.seq < first || message.seq > last || message.type !== TYPE.error) continue
        const refusal = decodeRefusal(message)
        if (refusal.errno !== 0) failures.push({ ...refusal, index: message.seq - first })
        if (message.seq === last) return failures
      }
    }
  }

  /**
   * Asks for one object. The parser is called while the bytes are valid and must copy what it keeps; undefined when the
   * kernel refused with one of `absent`.
   */
  get<T>(request: Request, parse: (message: Message) => T, absent: readonly number[]): T | undefined {
    return this.#exclusively(() => this.#get(request, parse, absent))
  }

  #get<T>(request: Request, parse: (message: Message) => T, absent: readonly number[]): T | undefined {
    const seq = this.#take(1)
    this.#channel.send(Buffer.concat(encodeRequest(request, seq, 0)))
    for (;;) {
      for (const message of this.#next()) {
        if (message.seq !== seq) continue
        if (message.type !== TYPE.error) return parse(message)
        const refusal = decodeRefusal(message)
        if (absent.includes(refusal.errno)) return undefined
        throw errnoError(refusal.errno, { what: 'kernel refused a query' }, refusal.message)
      }
    }
  }

  /**
   * Dumps a table. A dump during which the table changed (NLM_F_DUMP_INTR) is thrown away and taken again, so `parse`
   * must only return values. It is called while the bytes are valid and must copy what it keeps. When it throws, the
   * dump is read to its end first: the kernel answers EBUSY to the next one while this one runs.
   */
  dump<T>(request: Request, parse: (message: Message) => T | undefined): T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const rows = this.#exclusively(() => this.#dumpOnce(request, parse))
      if (rows !== undefined) return rows
    }
    throw new WeftError('unavailable', {
      what: 'kernel table would not hold still',
      on: `netlink dump ${request.type}`,
      why: `it changed during each of ${DUMP_ATTEMPTS} dumps`,
      remedy: 'it is read again on the next pass',
    })
  }

  #dumpOnce<T>(request: Request, parse: (message: Message) => T | undefined): T[] | undefined {
    const seq = this.#take(1)
    this.#channel.send(Buffer.concat(encodeRequest(request, seq, FLAG.dump)))
    const rows: T[] = []
    const broken: unknown[] = []
    let interrupted = false
    for (;;) {
      for (const message of this.#next()) {
        if (message.seq !== seq) continue
        if ((message.flags & FLAG.dumpInterrupted) !== 0) interrupted = true
        if (message.type === TYPE.error || message.type === TYPE.done) {
          if (broken.length > 0) throw broken[0]
          const refusal = message.data.length >= 4 ? decodeRefusal(message) : { errno: 0 }
          if (refusal.errno === ERRNO.EINTR || (refusal.errno === 0 && interrupted)) return undefined
          if (refusal.errno === 0) return rows
          throw errnoError(
            refusal.errno,
            { what: 'kernel refused a dump', on: `type ${request.type}` },
            refusal.message,
          )
        }
        if (broken.length > 0) continue
        try {
          const row = parse(message)
          if (row !== undefined) rows.push(row)
        } catch (error) {
          broken.push(error)
        }
      }
    }
  }

  /** So many sequence numbers in a row; the first. */
  #take(count: number): number {
    if (this.#seq > SEQ_MAX - count) this.#seq = 1
    const first = this.#seq
    this.#seq += count
    return first
  }

  /** One exchange at a time: one begun inside a parser would swallow the answers of the other. */
  #exclusively<T>(exchange: () => T): T {
    if (this.#busy) throw new WeftError('internal', { what: 'netlink socket is in the middle of another exchange' })
    this.#busy = true
    try {
      return exchange()
    } finally {
      this.#busy = false
    }
  }

  #next(): Message[] {
    return decodeMessages(this.#channel.receive())
  }
}

/** A socket in the calling thread's netns, where it stays whatever `setns` does later. */
export function openNetlink(protocol: number = PROTOCOL.route): NetlinkSocket {
  return new NetlinkSocket(openChannel(protocol))
}
