/** What damaged records said while they could be read, from etcd's history: as far as it reaches back. */
import { WeftError } from '@weft/shared'
import type { Entry, Kv } from '../store/kv.ts'
import type { ClusterIndex } from './pure/cluster-index.ts'
import type { RecordChange } from './pure/view.ts'

/** How many keys are read at a time. */
const AT_ONCE = 32
/** How many versions of a key are looked at; somebody may have written rubbish more than once. */
const MOST_VERSIONS = 32

/**
 * Takes into the index the last readable version of every key that it has lost. What etcd has compacted stays lost.
 * @throws what reading threw; the keys not yet read are read the next time
 */
export async function recallLost(kv: Pick<Kv, 'get'>, index: ClusterIndex, signal: AbortSignal) {
  const keys = [...index.unreadable.recallable.keys()]
  const changes: RecordChange[] = []
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const found = await Promise.all(keys.slice(at, at + AT_ONCE).map((key) => recall(kv, index, key, signal)))
    changes.push(...found.flatMap((change) => change ?? []))
  }
  return changes
}

async function recall(kv: Pick<Kv, 'get'>, index: ClusterIndex, key: string, signal: AbortSignal) {
  for (let versions = 0; versions < MOST_VERSIONS; versions++) {
    const newer = index.unreadable.recallable.get(key)
    if (newer === undefined) return undefined
    const entry = await versionBefore(kv, key, newer, signal)
    // Whoever wrote the key meanwhile, or reads its history as well, has moved on.
    if (index.unreadable.recallable.get(key) !== newer) continue
    if (entry === undefined) break
    const change = index.recall(entry)
    if (change !== undefined) return change
  }
  index.unreadable.recallable.delete(key)
  return undefined
}

/** Undefined when etcd has compacted it. */
async function versionBefore(
  kv: Pick<Kv, 'get'>,
  key: string,
  newer: number,
  signal: AbortSignal,
): Promise<Entry | undefined> {
  try {
    return (await kv.get(key, { revision: newer - 1, signal })).entry
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (error.code === 'not_found') return undefined
    throw error
  }
}
