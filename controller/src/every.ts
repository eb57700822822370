/** Background work at intervals: one run at a time, failures told, never an unhandled rejection. */
import { WeftError } from '@weft/shared'
import type { Log } from './log.ts'

export interface Timer {
  stop(): void
  /** A run now, or once more when the one under way is over. */
  wake(): void
  /** Resolves when the run under way, if any, is over. */
  idle(): Promise<void>
}

export function every(intervalMs: number, work: () => Promise<void>, log: Log): Timer {
  let running: Promise<void> | undefined
  let isWoken = false
  let isStopped = false
  const run = async () => {
    do {
      isWoken = false
      try {
        await work()
      } catch (thrown) {
        log.warn({ error: WeftError.from(thrown).message }, 'background work failed')
      }
    } while (isWoken && !isStopped)
    running = undefined
  }
  const timer = setInterval(() => {
    running ??= run()
  }, intervalMs)
  return {
    stop: () => {
      isStopped = true
      clearInterval(timer)
    },
    wake: () => {
      isWoken = true
      if (!isStopped) running ??= run()
    },
    idle: async () => await running,
  }
}
