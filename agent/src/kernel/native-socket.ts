/** C's calls on sockets as libc declares them, for those who open sockets of a kind that Node lacks. */
import koffi from 'koffi'
import { errnoError } from './errno.ts'

const library = koffi.load('libc.so.6')

export const nativeSocket = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  bind: library.func('int bind(int fd, const uint8_t *address, uint32_t length)'),
  connect: library.func('int connect(int fd, const uint8_t *address, uint32_t length)'),
  setsockopt: library.func('int setsockopt(int fd, int level, int option, const uint8_t *value, uint32_t length)'),
  close: library.func('int close(int fd)'),
} as const

export const SOCK_CLOEXEC = 0o2000000
export const SOCK_NONBLOCK = 0o4000

/** What a call gave back; throws the error of `errno` when that is negative. */
export function checked(call: string, result: number): number {
  if (result < 0) throw errnoError(koffi.errno(), { what: `${call} failed` })
  return result
}
