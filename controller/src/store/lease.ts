import type { Lease } from './kv.ts'
import { sleep, type Time } from './time.ts'
import type { Wire } from './wire.ts'

export interface LeaseTuning {
  readonly time: Time
  /** Taken off the TTL to cover the two clocks' rates and the way of the message, milliseconds; a tenth of the TTL unless told. */
  readonly marginMs?: number
  /** The store is closing: the lease counts as lost. */
  readonly closed?: AbortSignal
}

/**
 * Keeps one granted lease alive (E9: the client package judges by the wall clock, from receipt, and late). The lease
 * counts as held until the monotonic time at which the last *answered* request was sent, plus its TTL, less a margin;
 * the server counts from a later moment, so it never ends the lease before we stop believing in it.
 *
 * @param sentAtMs monotonic time at which the grant was sent
 */
export function keepLease(
  wire: Wire,
  granted: { readonly id: string; readonly ttlSeconds: number },
  sentAtMs: number,
  tuning: LeaseTuning,
): Lease {
  const { time } = tuning
  const lost = new AbortController()
  const stopped = new AbortController()
  const ttlMs = granted.ttlSeconds * 1_000
  const marginMs = tuning.marginMs ?? ttlMs / 10
  let validUntil = sentAtMs + ttlMs - marginMs
  let cancelExpiry = () => {}

  const end = () => {
    cancelExpiry()
    tuning.closed?.removeEventListener('abort', end)
    stopped.abort()
    lost.abort()
  }
  const armExpiry = () => {
    cancelExpiry()
    cancelExpiry = time.after(Math.max(0, validUntil - time.monotonicMs()), end)
  }
  const renew = async () => {
    const attemptMs = ttlMs / 3
    while (!stopped.signal.aborted) {
      await sleep(time, attemptMs, stopped.signal)
      if (stopped.signal.aborted) return
      const sent = time.monotonicMs()
      try {
        const ttlSeconds = await wire.leaseRenew(granted.id, attemptMs)
        if (stopped.signal.aborted) return
        if (ttlSeconds <= 0) return end()
        validUntil = Math.max(validUntil, sent + ttlSeconds * 1_000 - marginMs)
        armExpiry()
      } catch {
        // Not swallowed: what an unanswered renewal means is decided by validUntil alone. Ask again soon.
        await sleep(time, ttlMs / 20, stopped.signal)
      }
    }
  }

  armExpiry()
  tuning.closed?.addEventListener('abort', end)
  void renew()
  return {
    id: granted.id,
    lost: lost.signal,
    valid: () => !lost.signal.aborted && time.monotonicMs() < validUntil,
    async revoke() {
      end()
      await wire.leaseRevoke(granted.id, Math.min(ttlMs, 5_000))
    },
  }
}
