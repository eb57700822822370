/** IPv4 sockets as descriptors, made in the netns of the calling thread, which they keep (socket(2), ip(7)). */
import koffi from 'koffi'
import { ERRNO, errnoError } from '../errno.ts'
import { checked, nativeSocket, SOCK_CLOEXEC, SOCK_NONBLOCK } from '../native-socket.ts'

const library = koffi.load('libc.so.6')
const native = {
  ...nativeSocket,
  listen: library.func('int listen(int fd, int backlog)'),
  getsockname: library.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)'),
}

const AF_INET = 2
const TYPE = { udp: 2, tcp: 1 } as const
const SOL_IP = 0
/** Binding before the sandbox's loopback is up. */
const IP_FREEBIND = 15
const SOCKADDR_BYTES = 16
const BACKLOG = 64

export type Protocol = keyof typeof TYPE

/** A non-blocking socket bound to the address and a port of the kernel's choice. */
export function openBound(protocol: Protocol, address: string): number {
  const fd = checked('socket', native.socket(AF_INET, TYPE[protocol] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
  try {
    const on = Buffer.from([1, 0, 0, 0])
    checked('setsockopt', native.setsockopt(fd, SOL_IP, IP_FREEBIND, on, on.length))
    const to = socketAddress(address, 0)
    checked('bind', native.bind(fd, to, to.length))
    return fd
  } catch (error) {
    native.close(fd)
    throw error
  }
}

export function listen(fd: number): void {
  checked('listen', native.listen(fd, BACKLOG))
}

/** Begins to connect; the socket becomes writable, or fails, later. */
export function beginConnect(fd: number, address: string, port: number): void {
  const to = socketAddress(address, port)
  if (native.connect(fd, to, to.length) < 0 && koffi.errno() !== ERRNO.EINPROGRESS)
    throw errnoError(koffi.errno(), { what: 'connect failed', on: `${address}:${port}` })
}

export function portOf(fd: number): number {
  const address = Buffer.alloc(SOCKADDR_BYTES)
  checked('getsockname', native.getsockname(fd, address, [address.length]))
  return address.readUInt16BE(2)
}

export function closeSocket(fd: number): void {
  native.close(fd)
}

/** struct sockaddr_in. */
function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(SOCKADDR_BYTES)
  bytes.writeUInt16LE(AF_INET, 0)
  bytes.writeUInt16BE(port, 2)
  for (const [index, part] of address.split('.').entries()) bytes[4 + index] = Number(part)
  return bytes
}
