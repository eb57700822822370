import type { KvRead } from './kv.ts'
import { below, oneKey } from './range.ts'
import type { WireRange } from './wire.ts'

/** A read of the else branch as a range. */
export function wireRead(read: KvRead): WireRange {
  if ('get' in read) return { range: oneKey(read.get) }
  const { list, limit, countOnly } = read
  return {
    range: below(list),
    ...(limit === undefined ? {} : { limit }),
    ...(countOnly === undefined ? {} : { countOnly }),
  }
}
