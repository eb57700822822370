/**
 * What systemd is told of the agent (Type=notify, WatchdogSec=): that Docker is served, that the loop goes round, that we
 * stop. A loop that hangs tells nothing, and systemd starts the agent anew.
 */
import { WeftError } from '@weft/shared'
import { openNotify, watchdogMs } from './kernel/sd-notify.ts'
import type { Log } from './log.ts'

export interface Supervisor {
  /** A sign of life is wanted at least this often, milliseconds; undefined when nobody watches. */
  readonly everyMs: number | undefined
  /** The plugin socket serves. */
  serves(): void
  /** A pass of the loop has ended, well or not. */
  passed(): void
  stops(): void
}

/** Passes may follow each other by milliseconds; systemd hears of one in so many. */
const QUIET_MS = 1_000

/** @throws `invalid` for a NOTIFY_SOCKET that no socket can have */
export function openSupervisor({
  env,
  pid,
  log,
  now,
}: {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
}): Supervisor {
  const notify = openNotify(env)
  const everyMs = notify === undefined ? undefined : watchdogMs(env, pid)
  const tell = (notice: Readonly<Record<string, string>>) => {
    try {
      notify?.(notice)
    } catch (thrown) {
      // systemd will do as if we had said nothing, which is what its log then shows.
      log.warn({ error: WeftError.from(thrown).message }, 'systemd not told')
    }
  }
  let toldAt = Number.NEGATIVE_INFINITY
  return {
    everyMs,
    serves: () => tell({ READY: '1', STATUS: 'serves Docker' }),
    passed: () => {
      if (everyMs === undefined || now() - toldAt < Math.min(QUIET_MS, everyMs / 2)) return
      toldAt = now()
      tell({ WATCHDOG: '1' })
    },
    stops: () => tell({ STOPPING: '1' }),
  }
}
