/**
 * Leadership by one leased key (T10). The fencing token is the key's create revision: a write that only the leader may
 * make carries `guard()` among its conditions (T11), so a leader that was frozen or cut off commits nothing (E10), and
 * leadership is never what safety rests on.
 */
import { commit } from './commit.ts'
import type { Compare, Entry, Kv, Lease } from './kv.ts'
import { backoffMs, sleep, systemTime, type Time } from './time.ts'
import { when } from './txn.ts'

export interface Leadership {
  /** Create revision of the leader's key; grows with every change of leader. */
  readonly token: number
  /** The condition that only this leadership fulfils. */
  guard(): Compare
  /** True while the lease is provably held and the key has not been taken away. */
  valid(): boolean
  /** Aborted when it is no longer so: step down. */
  readonly lost: AbortSignal
  /** Gives up the key at once, so that another need not wait for the TTL. */
  resign(): Promise<void>
}

export interface CampaignOptions {
  /** The key all candidates contend for. */
  readonly key: string
  /** Who we are, for people who read the record. */
  readonly name: string
  /** Tells this candidacy's record from any other's. */
  readonly requestId: string
  readonly ttlSeconds: number
  readonly signal: AbortSignal
  readonly time?: Time
  readonly random?: () => number
  /** Told of each failed attempt; the campaign goes on. */
  readonly onError?: (error: unknown) => void
}

/**
 * Waits until this candidate leads.
 * @throws the signal's reason when it aborts first
 */
export async function campaign(kv: Kv, options: CampaignOptions): Promise<Leadership> {
  const { key, signal, time = systemTime, random = Math.random } = options
  for (let failures = 0; ; ) {
    signal.throwIfAborted()
    try {
      const { entry, revision } = await kv.get(key, { signal })
      if (entry !== undefined) await untilGone(kv, key, entry, revision + 1, signal)
      else {
        const leadership = await stand(kv, options)
        if (leadership !== undefined) return leadership
      }
      failures = 0
    } catch (thrown) {
      signal.throwIfAborted()
      options.onError?.(thrown)
      await sleep(time, backoffMs(failures++, random), signal)
    }
  }
}

/** One attempt to put the key; undefined when another was first. */
async function stand(kv: Kv, options: CampaignOptions): Promise<Leadership | undefined> {
  const { key, requestId, signal } = options
  const lease = await kv.grantLease(options.ttlSeconds, { signal })
  let kept = false
  try {
    const value = JSON.stringify({ v: 1, req: requestId, name: options.name })
    const outcome = await commit(
      kv,
      when([{ key, create: 0 }], [{ put: key, value, lease: lease.id }], [{ get: key }]),
      {
        requestId,
        signal,
        ...(options.time === undefined ? {} : { time: options.time }),
        recognise: ([read]) => read?.entries.find((entry) => entry.lease === lease.id),
      },
    )
    if (!outcome.committed || !lease.valid()) return undefined
    kept = true
    return lead(kv, key, outcome.revision, lease)
  } finally {
    // Failing to revoke only means that the lease ends by its TTL; the reason for it is the attempt's own failure.
    if (!kept) await lease.revoke().catch((error: unknown) => options.onError?.(error))
  }
}

function lead(kv: Kv, key: string, token: number, lease: Lease): Leadership {
  const deposed = new AbortController()
  const lost = AbortSignal.any([lease.lost, deposed.signal])
  const follow = async () => {
    for (let from = token + 1; !lost.aborted; ) {
      for await (const batch of kv.watch(key, { fromRevision: from, signal: lost })) {
        if (batch.kind === 'events' && batch.events.some((event) => event.kind === 'delete' && event.key === key)) {
          return deposed.abort()
        }
        if (batch.kind !== 'compacted') continue
        const { entry, revision } = await kv.get(key, { signal: lost })
        if (entry?.createRevision !== token) return deposed.abort()
        from = revision + 1
      }
    }
  }
  // If we cannot tell whether we still lead, we do not.
  follow().catch(() => deposed.abort())
  return {
    token,
    guard: () => ({ key, create: token }),
    valid: () => lease.valid() && !deposed.signal.aborted,
    lost,
    async resign() {
      deposed.abort()
      await lease.revoke()
    },
  }
}

async function untilGone(kv: Kv, key: string, entry: Entry, fromRevision: number, signal: AbortSignal): Promise<void> {
  for await (const batch of kv.watch(key, { fromRevision, signal })) {
    if (batch.kind === 'compacted') return
    if (batch.kind !== 'events') continue
    const gone = batch.events.some((event) => event.kind === 'delete' && event.key === key)
    const replaced = batch.events.some(
      (event) => event.kind === 'put' && event.entry.key === key && event.entry.createRevision !== entry.createRevision,
    )
    if (gone || replaced) return
  }
}
