/**
 * The few C calls that Node lacks: sockets of AF_NETLINK and AF_PACKET, and `setns`. All are synchronous and return at once, since
 * rtnetlink answers before `send` returns (measured).
 */
import koffi from 'koffi'
import { checked, nativeSocket, SOCK_CLOEXEC, SOCK_NONBLOCK } from './native-socket.ts'

const library = koffi.load('libc.so.6')
const native = {
  ...nativeSocket,
  send: library.func('int64_t send(int fd, const uint8_t *data, uint64_t length, int flags)'),
  recv: library.func('int64_t recv(int fd, _Out_ uint8_t *data, uint64_t length, int flags)'),
  getsockopt: library.func(
    'int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
  ),
  setns: library.func('int setns(int fd, int kind)'),
  unshare: library.func('int unshare(int flags)'),
}

const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const AF_PACKET = 17
const SOCK_RAW = 3
const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58
const CLONE_NEWNET = 0x40000000
const NETLINK_ROUTE = 0
const SOL_SOCKET = 1
/** asm-generic/socket.h */
const SO_NETNS_COOKIE = 71
/** recv: report the real length of a datagram that did not fit. */
const MSG_TRUNC = 0x20

/** An unbound AF_NETLINK socket of the calling thread's netns, which it keeps whatever `setns` does later. */
export function openSocket(protocol: number): number {
  return checked('socket', native.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))
}

/** Binds with a port id chosen by the kernel and no multicast group. */
export function bindSocket(fd: number): void {
  const address = Buffer.alloc(12)
  address.writeUInt16LE(AF_NETLINK, 0)
  checked('bind', native.bind(fd, address, address.length))
}

/** A socket for whole frames of one EtherType on one interface; it does not block. packet(7) */
export function openPacketSocket(etherType: number, ifindex: number): number {
  const address = Buffer.alloc(20)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(etherType, 2)
  address.writeInt32LE(ifindex, 4)
  // Of no protocol until it is bound: it would have frames of every interface meanwhile.
  const fd = checked('socket', native.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
  try {
    checked('bind', native.bind(fd, address, address.length))
    return fd
  } catch (error) {
    native.close(fd)
    throw error
  }
}

/** A raw socket for ICMP with one address and nobody else, given as its bytes; it does not block. raw(7) */
export function openEchoSocket(family: 4 | 6, bytes: Uint8Array): number {
  const isV4 = family === 4
  const address = Buffer.alloc(isV4 ? 16 : 28)
  address.writeUInt16LE(isV4 ? AF_INET : AF_INET6, 0)
  address.set(bytes, isV4 ? 4 : 8)
  const protocol = isV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6
  const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK
  const fd = checked('socket', native.socket(isV4 ? AF_INET : AF_INET6, type, protocol))
  try {
    checked('connect', native.connect(fd, address, address.length))
    return fd
  } catch (error) {
    native.close(fd)
    throw error
  }
}

export function setSocketOption(fd: number, level: number, option: number, value: Buffer): void {
  checked('setsockopt', native.setsockopt(fd, level, option, value, value.length))
}

export function sendBytes(fd: number, bytes: Buffer): void {
  checked('send', native.send(fd, bytes, bytes.length, 0))
}

/** Receives one datagram into `into`: its real length, which may exceed the buffer's, or the error number. */
export function receiveBytes(fd: number, into: Buffer): { length: number } | { errno: number } {
  const length = Number(native.recv(fd, into, into.length, MSG_TRUNC))
  return length < 0 ? { errno: koffi.errno() } : { length }
}

export function closeDescriptor(fd: number): void {
  native.close(fd)
}

/** Moves the calling thread into the netns behind the descriptor. */
export function enterNetns(fd: number): void {
  checked('setns', native.setns(fd, CLONE_NEWNET))
}

/** What no other netns has as long as the machine runs, decimal text; undefined where the kernel has none (before 5.14). */
export function netnsCookie(): string | undefined {
  const fd = openSocket(NETLINK_ROUTE)
  try {
    const value = Buffer.alloc(8)
    return native.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value, [value.length]) < 0
      ? undefined
      : value.readBigUInt64LE().toString()
  } finally {
    closeDescriptor(fd)
  }
}

/** Gives the calling thread a new, empty netns; used by tests, so that nothing of theirs meets the machine's. */
export function unshareNetns(): void {
  checked('unshare', native.unshare(CLONE_NEWNET))
}
