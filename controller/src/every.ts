/** Background work at intervals: one run at a time, failures told, never an unhandled rejection. */
import { WeftError } from '@weft/shared'
import type { Log } from './log.ts'

export interface Timer {
  stop(): void
  /** Resolves when the run under way, if any, is over. */
  idle(): Promise<void>
}

export function every(intervalMs: number, work: () => Promise<void>, log: Log): Timer {
  let running: Promise<void> | undefined
  const run = async () => {
    try {
      await work()
    } catch (thrown) {
      log.warn({ error: WeftError.from(thrown).message }, 'background work failed')
    } finally {
      running = undefined
    }
  }
  const timer = setInterval(() => {
    running ??= run()
  }, intervalMs)
  return {
    stop: () => clearInterval(timer),
    idle: async () => await running,
  }
}
