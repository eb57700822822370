/** What an admin is told of values in etcd that cannot be read. */
import { DAMAGE_REMEDY } from './records.ts'
import type { ClusterView } from './view.ts'

/** One warning a key, of ten keys at most; the first says when hosts get no intents. */
export function damageWarnings(view: Pick<ClusterView, 'damaged' | 'lost'>): string[] {
  const keys = [...view.damaged].sort(
    ([a], [b]) => Number(view.lost.has(b)) - Number(view.lost.has(a)) || (a < b ? -1 : 1),
  )
  const shown = keys.slice(0, MOST_SHOWN).map(([key, why]) => {
    const effect = view.lost.has(key)
      ? 'what it said before is not known to this controller, so hosts keep what they have and get no intents'
      : 'what was read of it before stays in force'
    return `etcd record ${key} cannot be read: ${why}; ${effect}; ${DAMAGE_REMEDY.replace('KEY', key)}`
  })
  const rest = keys.length - shown.length
  return rest > 0 ? [...shown, `and ${rest} more etcd records cannot be read`] : shown
}

const MOST_SHOWN = 10
