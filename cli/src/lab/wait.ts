/** Waiting for a condition of the outside world. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'

export interface WaitOptions {
  /** What is waited for, as the error will say it: "dockerd of docker1 to answer". */
  readonly what: string
  readonly timeoutMs: number
  readonly intervalMs?: number
  readonly signal?: AbortSignal
  /** Adds what is known to the error: the tail of a log. */
  readonly explain?: () => string
}

/** Polls until `check` gives something other than undefined or false. Throws `deadline`; what `check` throws ends it. */
export async function waitFor<T>(check: () => Promise<T> | T, options: WaitOptions): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + options.timeoutMs
  for (;;) {
    options.signal?.throwIfAborted()
    const value = await check()
    if (value !== undefined && value !== null && value !== false) return value
    if (performance.now() > deadlineMs)
      throw new WeftError('deadline', {
        what: `waited for ${options.what}`,
        why: `not within ${options.timeoutMs} ms${options.explain ? `\n${options.explain()}` : ''}`,
      })
    await sleep(options.intervalMs ?? 20, undefined, options.signal ? { signal: options.signal } : {})
  }
}
