/** The one place where the kernel's error numbers become errors of the house. */
import { constants } from 'node:os'
import { type ErrorCode, type ErrorParts, WeftError } from '@weft/shared'

/** What is not listed is `internal`. */
const CODES: Readonly<Partial<Record<keyof typeof constants.errno, ErrorCode>>> = {
  EEXIST: 'conflict',
  EBUSY: 'conflict',
  EADDRINUSE: 'conflict',
  ENODEV: 'not_found',
  ENOENT: 'not_found',
  ENXIO: 'not_found',
  ESRCH: 'not_found',
  EADDRNOTAVAIL: 'not_found',
  EPERM: 'denied',
  EACCES: 'denied',
  EOPNOTSUPP: 'unsupported',
  EAFNOSUPPORT: 'unsupported',
  EPROTONOSUPPORT: 'unsupported',
  EINVAL: 'invalid',
  ERANGE: 'invalid',
  ENETDOWN: 'unavailable',
  ENETUNREACH: 'unavailable',
  ENOBUFS: 'unavailable',
  ENOMEM: 'unavailable',
  EAGAIN: 'deadline',
}

/** What a kernel refusal carries beside its error number. */
export interface Refusal {
  readonly errno: number
  /** The kernel's own words (NLMSGERR_ATTR_MSG), when it gave some. */
  readonly message?: string
}

const NAMES = new Map(
  Object.entries(constants.errno).map(([name, value]) => [value, name as keyof typeof constants.errno] as const),
)
/** Node's table lacks it; in kernels it is ENOTSUPP, which leaks to user space here and there. */
const ENOTSUPP = 524

/** `EEXIST` for 17. */
export function errnoName(errno: number): string {
  return errno === ENOTSUPP ? 'ENOTSUPP' : (NAMES.get(errno) ?? `errno ${errno}`)
}

export function errnoCode(errno: number): ErrorCode {
  const name = NAMES.get(errno)
  return errno === ENOTSUPP ? 'unsupported' : ((name && CODES[name]) ?? 'internal')
}

/** The error for a refusal of the kernel; `parts.why` wins over the kernel's own words. */
export function errnoError(errno: number, parts: ErrorParts, message?: string): WeftError {
  const words = message === undefined ? errnoName(errno) : `${errnoName(errno)}, ${message}`
  return new WeftError(errnoCode(errno), { why: words, ...parts })
}

export const ERRNO = constants.errno
