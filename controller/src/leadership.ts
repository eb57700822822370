/**
 * Who leads: one controller at a time. Leading is for work that is wasteful to do twice (pushing, sweeping); nothing safe
 * rests on it, since every write is guarded by the records that it is about.
 */
import { WeftError } from '@weft/shared'
import type { Log } from './log.ts'
import { campaign, type Leadership } from './store/election.ts'
import type { Compare, Kv } from './store/kv.ts'

export interface LeaderOptions {
  /** The key all controllers contend for. */
  readonly key: string
  /** Of this controller, unique. */
  readonly id: string
  readonly log: Log
  /** Called each time that this controller becomes the leader. */
  readonly elected: () => void
}

export interface Leader {
  /** What every write of the leader's must compare (T11); undefined while this controller does not lead for sure. */
  guard(): Compare | undefined
  /** Steps down at once and stands no more. */
  resign(): Promise<void>
}

/** How long a leader that died keeps the others waiting, seconds. */
const TTL_SECONDS = 5

/** Stands for election from now on, again and again. */
export function stand(kv: Kv, { key, id, log, elected }: LeaderOptions): Leader {
  const over = new AbortController()
  let term: Leadership | undefined
  let terms = 0

  const run = async () => {
    while (!over.signal.aborted) {
      term = await campaign(kv, {
        key,
        name: id,
        requestId: `leader:${id}:${++terms}`,
        ttlSeconds: TTL_SECONDS,
        signal: over.signal,
        onError: (error) => log.warn({ error: WeftError.from(error).message }, 'standing for election failed'),
      })
      log.info({ controller: id, token: term.token }, 'leads')
      elected()
      await aborted(term.lost)
      if (!over.signal.aborted) log.warn({ controller: id, token: term.token }, 'leads no more')
    }
  }
  const standing = run().catch((thrown: unknown) => {
    if (!over.signal.aborted) log.error({ error: WeftError.from(thrown).message }, 'stands for election no more')
  })
  return {
    guard: () => (term?.valid() === true ? term.guard() : undefined),
    async resign() {
      over.abort()
      try {
        await term?.resign()
      } finally {
        await standing
      }
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
