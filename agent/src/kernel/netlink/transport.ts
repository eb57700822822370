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
import { bindSocket, closeDescriptor, openSocket, receiveBytes, sendBytes, setSocketOption } from '../libc.ts'
import { decodeMessages, decodeRefusal, encodeRequest, FLAG, type Request, TYPE } from './message.ts'

export const PROTOCOL = { route: 0, netfilter: 12 } as const

const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const SOL_NETLINK = 270
const NETLINK_NO_ENOBUFS = 5
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12

const SOCKET_BUFFER_BYTES = 8 << 20
/** The kernel makes dump datagrams of 32 KiB at most (netlink_dump); refusals and answers are far smaller. */
const RECEIVE_BYTES = 256 << 10
const DEADLINE_SECONDS = 5
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
  readonly #fd: number
  readonly #receive = Buffer.alloc(RECEIVE_BYTES)
  #seq = 1

  /** Opens the socket in the calling thread's netns. */
  constructor(protocol: number = PROTOCOL.route) {
    this.#fd = openSocket(protocol)
    try {
      const one = Buffer.from([1, 0, 0, 0])
      const size = Buffer.alloc(4)
      size.writeInt32LE(SOCKET_BUFFER_BYTES)
      const deadline = Buffer.alloc(16)
      deadline.writeBigInt64LE(BigInt(DEADLINE_SECONDS), 0)
      setSocketOption(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, size)
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, size)
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVTIMEO, deadline)
      for (const option of [NETLINK_NO_ENOBUFS, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
        setSocketOption(this.#fd, SOL_NETLINK, option, one)
      }
      bindSocket(this.#fd)
    } catch (error) {
      closeDescriptor(this.#fd)
      throw error
    }
  }

  close(): void {
    closeDescriptor(this.#fd)
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
    if (requests.length === 0) return []
    const first = this.#seq
    const last = first + requests.length - 1
    this.#seq = last + 1
    const bytes = Buffer.concat(
      requests.flatMap((request, index) =>
        encodeRequest(request, first + index, index === requests.length - 1 ? FLAG.ack : 0),
      ),
    )
    if (requests.length > BATCH_MESSAGES || bytes.length > BATCH_BYTES) {
      throw new WeftError('internal', { what: 'netlink batch too large', on: `${requests.length} messages` })
    }
    sendBytes(this.#fd, bytes)
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
    const seq = this.#seq++
    sendBytes(this.#fd, Buffer.concat(encodeRequest(request, seq, 0)))
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
   * must only return values. It is called while the bytes are valid and must copy what it keeps.
   */
  dump<T>(request: Request, parse: (message: Message) => T | undefined): T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const rows = this.#dumpOnce(request, parse)
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
    const seq = this.#seq++
    sendBytes(this.#fd, Buffer.concat(encodeRequest(request, seq, FLAG.dump)))
    const rows: T[] = []
    let interrupted = false
    for (;;) {
      for (const message of this.#next()) {
        if (message.seq !== seq) continue
        if ((message.flags & FLAG.dumpInterrupted) !== 0) interrupted = true
        if (message.type === TYPE.error || message.type === TYPE.done) {
          const refusal = message.data.length >= 4 ? decodeRefusal(message) : { errno: 0 }
          if (refusal.errno === ERRNO.EINTR || (refusal.errno === 0 && interrupted)) return undefined
          if (refusal.errno === 0) return rows
          throw errnoError(
            refusal.errno,
            { what: 'kernel refused a dump', on: `type ${request.type}` },
            refusal.message,
          )
        }
        const row = parse(message)
        if (row !== undefined) rows.push(row)
      }
    }
  }

  #next(): Message[] {
    const length = receiveBytes(this.#fd, this.#receive)
    if (length > this.#receive.length) {
      throw new WeftError('internal', { what: 'netlink datagram was cut', on: `${length} bytes` })
    }
    return decodeMessages(this.#receive.subarray(0, length))
  }
}
