/**
 * What a service tells systemd (sd_notify(3)): datagrams of NAME=value lines to the socket that NOTIFY_SOCKET names.
 * Node has no unix datagram sockets, libc has; a child such as systemd-notify(1) would cost a process a message.
 */
import koffi from 'koffi'
import { errnoError } from './errno.ts'
import { nativeSocket, SOCK_CLOEXEC } from './native-socket.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
/** An unread datagram of a manager that is gone is an error, not a SIGPIPE; a full queue is not waited for. */
const MSG_NOSIGNAL = 0x4000
const MSG_DONTWAIT = 0x40
/** sun_path (unix(7)), the terminating zero included. */
const PATH_BYTES = 108

type Environment = Readonly<Record<string, string | undefined>>

/** `READY=1`, `STATUS=…`, `WATCHDOG=1`, `STOPPING=1` and the others of sd_notify(3), by name. */
export type Notice = Readonly<Record<string, string>>

/**
 * A function that tells systemd; undefined when nobody listens (NOTIFY_SOCKET is not set).
 * @throws `invalid` for a path that no socket can have
 */
export function openNotify(env: Environment): ((notice: Notice) => void) | undefined {
  const name = env.NOTIFY_SOCKET
  if (name === undefined || name === '') return undefined
  const address = notifyAddress(name)
  const library = koffi.load('libc.so.6')
  const { socket, close } = nativeSocket
  const sendto = library.func(
    'int64_t sendto(int fd, const uint8_t *data, uint64_t size, int flags, const uint8_t *to, uint32_t length)',
  )
  return (notice) => {
    const data = Buffer.from(notifyText(notice))
    const fd: number = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    if (fd < 0) throw errnoError(koffi.errno(), { what: 'no socket for systemd' })
    const sent = Number(sendto(fd, data, data.length, MSG_NOSIGNAL | MSG_DONTWAIT, address, address.length))
    const errno = koffi.errno()
    close(fd)
    if (sent < 0) throw errnoError(errno, { what: 'systemd not told', on: data.toString() })
  }
}

/**
 * Milliseconds between two WATCHDOG=1 of this process, half of what systemd allows (sd_watchdog_enabled(3)); undefined
 * when it watches nobody, or another process.
 */
export function watchdogMs(env: Environment, pid: number): number | undefined {
  const allowedUs = Number(env.WATCHDOG_USEC ?? '')
  if (!(allowedUs > 0)) return undefined
  if (env.WATCHDOG_PID !== undefined && Number(env.WATCHDOG_PID) !== pid) return undefined
  return allowedUs / 1000 / 2
}

/** struct sockaddr_un; a name with `@` in front is an abstract one. @throws `invalid` */
export function notifyAddress(name: string): Buffer {
  const path = Buffer.from(name)
  const abstract = name.startsWith('@')
  if (abstract) path[0] = 0
  if (!(abstract || name.startsWith('/')) || path.length >= PATH_BYTES)
    throw errnoError(22, { what: 'NOTIFY_SOCKET is no socket', on: name })
  const family = Buffer.alloc(2)
  family.writeUInt16LE(AF_UNIX)
  return Buffer.concat([family, path, Buffer.alloc(abstract ? 0 : 1)])
}

/** One NAME=value a line; a line break in a value would begin another notice. */
export function notifyText(notice: Notice): string {
  return Object.entries(notice)
    .map(([name, value]) => `${name}=${value.replaceAll(/\s+/g, ' ')}\n`)
    .join('')
}
