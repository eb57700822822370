/** Time as the store uses it, handed in so that tests and simulation are quick and repeatable. */
export interface Time {
  /** Monotonic milliseconds from an arbitrary origin. */
  monotonicMs(): number
  /** Runs once after `ms` milliseconds, unless the returned function is called first. */
  after(ms: number, run: () => void): () => void
}

/** The machine's own monotonic clock and timers. */
export const systemTime: Time = {
  monotonicMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms` milliseconds, or at once when the signal aborts; never rejects. */
export function sleep(time: Time, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const end = () => {
      cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const cancel = time.after(ms, end)
    signal?.addEventListener('abort', end)
  })
}

/** Backoff with jitter: between a quarter and the whole of min(capMs, baseMs * 2^attempt). */
export function backoffMs(attempt: number, random: () => number, baseMs = 25, capMs = 2_000): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(attempt, 20)) * (0.25 + 0.75 * random())
}
