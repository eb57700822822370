/** The host's clock beside the controller's. Nothing in Weft is decided by it; certificates, logs and people are. */
import { hostCheck } from './check.ts'

interface Facts {
  /** Host minus controller, milliseconds, the way of the request included. */
  readonly aheadMs: number
}

const WARN_MS = 2_000
const ERROR_MS = 60_000

export const clock = hostCheck<Facts>({
  name: 'clock',
  probe: async ({ asked, receivedMs }) => ({ aheadMs: receivedMs - asked.sentMs }),
  judge: ({ aheadMs }) => {
    const apart = Math.abs(aheadMs)
    const measured = `${Math.round(apart)} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} the controller`
    if (apart < WARN_MS) return [{ severity: 'ok', measured }]
    return [
      {
        severity: apart < ERROR_MS ? 'warn' : 'error',
        measured,
        why: 'certificates count as expired or not yet valid, and logs of hosts do not line up',
        remedy: 'timedatectl set-ntp true; see timedatectl timesync-status',
      },
    ]
  },
})
