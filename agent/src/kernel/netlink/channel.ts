/** The wire under a netlink socket: one datagram out, one in. */
import { WeftError } from '@weft/shared'
import { ERRNO, errnoError } from '../errno.ts'
import { bindSocket, closeDescriptor, openSocket, receiveBytes, sendBytes, setSocketOption } from '../libc.ts'

export interface Channel {
  send(bytes: Buffer): void
  /** The next datagram, valid until the next call. Throws `deadline` when none comes. */
  receive(): Buffer
  close(): void
}

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

/** Forced, since SO_RCVBUF is capped by rmem_max, 208 KiB on a stock Debian (DOCKER.md 5, defect 16). */
const SOCKET_BUFFER_BYTES = 8 << 20
/** The kernel makes dump datagrams of 32 KiB at most (netlink_dump); refusals and answers are far smaller. */
const RECEIVE_BYTES = 256 << 10
const DEADLINE_MS = 5000

/**
 * Receive buffers of closed channels: a pass opens two channels a sandbox, and a fresh buffer each time is most of what
 * there is to collect.
 */
const spareBuffers: Buffer[] = []

/** Opens a channel in the calling thread's netns, where it stays. Needs CAP_NET_ADMIN. */
export function openChannel(protocol: number, deadlineMs = DEADLINE_MS): Channel {
  const fd = openSocket(protocol)
  try {
    const one = Buffer.from([1, 0, 0, 0])
    const size = Buffer.alloc(4)
    size.writeInt32LE(SOCKET_BUFFER_BYTES)
    setSocketOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, size)
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, size)
    setSocketOption(fd, SOL_SOCKET, SO_RCVTIMEO, timeval(deadlineMs))
    for (const option of [NETLINK_NO_ENOBUFS, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      setSocketOption(fd, SOL_NETLINK, option, one)
    }
    bindSocket(fd)
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
  const buffer = spareBuffers.pop() ?? Buffer.alloc(RECEIVE_BYTES)
  return {
    send: (bytes) => sendBytes(fd, bytes),
    receive: () => {
      const length = receive(fd, buffer, deadlineMs)
      if (length <= buffer.length) return buffer.subarray(0, length)
      throw new WeftError('internal', { what: 'netlink datagram was cut', on: `${length} bytes` })
    },
    close: () => {
      closeDescriptor(fd)
      spareBuffers.push(buffer)
    },
  }
}

/** A signal ends a `recv` that has a timeout (signal(7)): it is called again until the deadline. */
function receive(fd: number, buffer: Buffer, deadlineMs: number): number {
  const began = performance.now()
  for (;;) {
    const received = receiveBytes(fd, buffer)
    if ('length' in received) return received.length
    if (received.errno === ERRNO.EINTR && performance.now() - began < deadlineMs) continue
    if (received.errno !== ERRNO.EINTR && received.errno !== ERRNO.EAGAIN) {
      throw errnoError(received.errno, { what: 'netlink answer not received' })
    }
    throw new WeftError('deadline', {
      what: 'kernel did not answer',
      why: `no netlink answer within ${deadlineMs} ms`,
      ambiguous: true,
    })
  }
}

/** struct timeval of a 64-bit Linux. */
function timeval(ms: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeBigInt64LE(BigInt(Math.trunc(ms / 1000)), 0)
  bytes.writeBigInt64LE(BigInt(Math.trunc((ms % 1000) * 1000)), 8)
  return bytes
}
