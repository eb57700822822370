/**
 * Netlink messages as bytes (RFC 3549; linux/netlink.h): the header and attribute codecs of the `netlink` package, and
 * what it lacks: a header for our flags, TLVs of extended acknowledgements, raw attributes.
 *
 * Only the package's codecs are imported, by path. Its door would load the native socket, whose receive overrun aborts
 * the process (DOCKER.md 5, defect 1).
 */
import {
  AttrStream,
  formatHeader,
  HEADER_LENGTH,
  type NetlinkMessage as Message,
  parseAttributes,
  parseMessages,
  type StreamData,
} from 'netlink/dist/structs.js'
import type { Refusal } from '../errno.ts'

export const FLAG = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  replace: 0x100,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
  dump: 0x300,
  ackTlvs: 0x200,
} as const

export const TYPE = { error: 2, done: 3 } as const

/** One request before it has a sequence number. */
export interface Request {
  readonly type: number
  /** Beside `request`, which is always set. */
  readonly flags: number
  readonly payload: Buffer
}

/** Anything that the package's formatters give, as one Buffer (its types say Buffer where it makes streams: defect 8). */
export function toBuffer(stream: StreamData): Buffer {
  const out = new AttrStream()
  out.emit(stream)
  return Buffer.concat(out.bufs)
}

/** An attribute list of raw bytes, for what the package does not know (defects 10 and 12). */
export function attributes(list: readonly (readonly [type: number, value: StreamData])[]): Buffer {
  return toBuffer((out) => {
    for (const [type, value] of list) out.push(type, value)
  })
}

/** The request with its header, padded to the 4 bytes at which the next message of a batch begins. */
export function encodeRequest(request: Request, seq: number, flags: number): Buffer[] {
  const length = HEADER_LENGTH + request.payload.length
  const header = formatHeader({ length, type: request.type, flags: FLAG.request | request.flags | flags, seq, port: 0 })
  return [header, request.payload, Buffer.alloc(-length & 3)]
}

export function decodeMessages(datagram: Buffer): Message[] {
  return parseMessages(datagram)
}

/**
 * NLMSG_ERROR and the trailing error of NLMSG_DONE. Under NETLINK_CAP_ACK the offending request's header follows the
 * error number, then the TLVs; the package stops before those (its `parseError` says "FIXME: TLV").
 */
export function decodeRefusal(message: Message): Refusal {
  const errno = -message.data.readInt32LE(0)
  const tlvs = message.data.subarray(message.type === TYPE.done ? 4 : 4 + HEADER_LENGTH)
  if ((message.flags & FLAG.ackTlvs) === 0 || tlvs.length < 4) return { errno }
  let text: string | undefined
  parseAttributes(tlvs, (attribute) => {
    if (attribute.type === NLMSGERR_ATTR_MSG) text = attribute.data.toString('latin1').replace(/\0+$/, '')
  })
  return text === undefined ? { errno } : { errno, message: text }
}

const NLMSGERR_ATTR_MSG = 1
