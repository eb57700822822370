/**
 * Who leads: one controller at a time, by a leased key (TRUTH.md T10). Leading is for work that is wasteful to do twice;
 * nothing safe rests on it, since every write is guarded by the records that it is about.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'
import type { Log } from './log.ts'
import type { Kv, Lease } from './store/kv.ts'

export const LEADER_KEY = '/weft/leader'

export interface LeadershipOptions {
  /** Of this controller, unique. */
  readonly id: string
  readonly log: Log
  /** Called each time that this controller becomes the leader. */
  readonly elected: () => void
  /** How long a silent leader keeps the others waiting, seconds. */
  readonly ttlSeconds?: number
}

export interface Leadership {
  /** True while this controller leads for sure. */
  leads(): boolean
  /** Steps down and stands no more. */
  resign(): Promise<void>
}

const TTL_SECONDS = 5
const RETRY_MS = 1_000

/** Stands for election from now on. */
export function lead(kv: Kv, options: LeadershipOptions): Leadership {
  const { id, log, elected, ttlSeconds = TTL_SECONDS } = options
  const over = new AbortController()
  let lease: Lease | undefined
  let leading = false

  const stand = async () => {
    while (!over.signal.aborted) {
      try {
        lease = await kv.grantLease(ttlSeconds)
        if (await win(kv, id, lease)) {
          leading = true
          log.info({ controller: id }, 'leads')
          elected()
          await ends(AbortSignal.any([lease.lost, over.signal]))
          leading = false
          if (!over.signal.aborted) log.warn({ controller: id }, 'leads no more')
        } else await lease.revoke()
      } catch (thrown) {
        if (!over.signal.aborted) log.warn({ error: WeftError.from(thrown).message }, 'standing for election failed')
        await sleep(RETRY_MS, undefined, { ref: false })
      }
    }
  }
  const standing = stand()
  return {
    leads: () => leading && lease?.valid() === true,
    async resign() {
      over.abort()
      await lease?.revoke()
      await standing
    },
  }

  /** Takes the key if nobody has it, else waits until it is gone. */
  async function win(store: Kv, value: string, held: Lease): Promise<boolean> {
    const answer = await store.txn(
      {
        if: [{ key: LEADER_KEY, create: 0 }],
        // biome-ignore lint/suspicious/noThenProperty: the branch's own word; plain data, never awaited
        then: [{ put: LEADER_KEY, value: JSON.stringify({ v: 1, controller: value }), lease: held.id }],
        else: [{ get: LEADER_KEY }],
      },
      { requestId: `leader:${value}` },
    )
    if (answer.succeeded) return true
    for await (const batch of store.watch(LEADER_KEY, { fromRevision: answer.revision + 1, signal: over.signal })) {
      const gone = batch.kind === 'events' && batch.events.some((event) => event.kind === 'delete')
      if (gone || batch.kind === 'compacted') break
    }
    return false
  }
}

function ends(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
