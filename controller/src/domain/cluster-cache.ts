/** The cluster in memory: the cache of all of Weft's keys, read into a {@link ClusterIndex}. */
import { Cache, type FollowOptions } from '../store/cache.ts'
import type { Kv } from '../store/kv.ts'
import { ClaimDesk } from './claim-desk.ts'
import { GroupCommit } from './group-commit.ts'
import { ClusterIndex } from './pure/cluster-index.ts'
import { ROOT } from './pure/keys.ts'
import type { ClusterChange, ClusterView, RecordChange } from './pure/view.ts'
import { recallLost } from './recall-lost.ts'

export interface ClusterCache {
  /** The view as it is now; live (see {@link ClusterView}). */
  current(): ClusterView
  /** The view once it holds everything up to the revision. @throws `deadline`, or when the cache is closed. */
  waitFor(revision: number, signal?: AbortSignal): Promise<ClusterView>
  /** The view once it holds everything that etcd had acknowledged when this was called. */
  newest(signal?: AbortSignal): Promise<ClusterView>
  /** Every change from now on. A reader that falls far behind gets one change with `reset`. */
  changes(signal: AbortSignal): AsyncIterable<ClusterChange>
  /** Milliseconds since etcd was last heard of. */
  ageMs(): number
  /** Addresses that this controller has under way. */
  readonly desk: ClaimDesk
  /** The queue in which this controller's claims are committed in groups. */
  readonly commits: GroupCommit
}

/** `onProblem` is also told of every value that cannot be read. */
export type ClusterCacheOptions = FollowOptions

/**
 * Opens the cache; resolves when the first list is complete. It ends with the signal.
 * @throws what the first list threw; nothing goes on then
 */
export async function openClusterCache(
  kv: Kv,
  signal: AbortSignal,
  options: ClusterCacheOptions = {},
): Promise<ClusterCache> {
  const index = new ClusterIndex()
  const failed = new AbortController()
  const cache = new Cache<RecordChange>(kv, {
    ...options,
    prefix: ROOT,
    signal: AbortSignal.any([signal, failed.signal]),
    reading: {
      take({ key, after }) {
        if (after === undefined) return index.delete(key)
        const change = index.put(after)
        const why = index.damaged.get(key)
        if (why !== undefined) options.onProblem?.({ what: 'record cannot be read', key, why })
        return change
      },
      reached(revision) {
        index.revision = revision
      },
      settle: () => recallLost(kv, index, signal),
    },
  })
  try {
    await cache.list()
  } catch (error) {
    failed.abort()
    throw error
  }
  return {
    current: () => index,
    waitFor: (revision, until) => cache.waitFor(revision, until).then(() => index),
    newest: (until) => cache.newest(until).then(() => index),
    changes: (until) => cache.changes(until),
    ageMs: () => cache.ageMs(),
    desk: new ClaimDesk(),
    commits: new GroupCommit(kv),
  }
}
