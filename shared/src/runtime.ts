/** What pure code may know of the outside world: handed in, never taken from globals. */
export interface Clock {
  /** Wall-clock time, milliseconds since 1970. */
  now(): number
  /** Monotonic time, milliseconds from an arbitrary origin. */
  monotonicMs(): number
}

/** Lower-case base32 text of the given length, from a secure source in production and from a seed in simulation. */
export type RandomText = (length: number) => string
