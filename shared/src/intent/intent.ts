/** Intents on the wire and in the state file, and the pure steps between them. TRUTH.md, agent contract 1-5. */
import { z } from 'zod'
import { canonicalJson, digestOf } from './digest.ts'
import { Entry, entryKey } from './entry.ts'

const Digest = z.string().regex(/^[0-9a-f]{32}$/)
/** Where a host stands: order is (incarnation, revision). */
export const Position = z.strictObject({
  incarnation: z.number().int().nonnegative(),
  revision: z.number().int().nonnegative(),
  digest: Digest,
})
export type Position = z.infer<typeof Position>

/** Pushed on `weft.v1.host.<id>.intent`: what changed since revision `previous`. */
export const IntentDelta = z.strictObject({
  cluster: z.string(),
  host: z.string(),
  epoch: z.number().int(),
  incarnation: z.number().int(),
  revision: z.number().int(),
  previous: z.number().int(),
  /** Of the whole intent after the delta. */
  digest: Digest,
  put: z.array(Entry),
  remove: z.array(z.string()),
})
export type IntentDelta = z.infer<typeof IntentDelta>

/** A whole intent; on the wire in pages, each of one and the same position. */
export const IntentPage = z.strictObject({
  cluster: z.string(),
  host: z.string(),
  epoch: z.number().int(),
  position: Position,
  /** An operator's mark that this snapshot may remove many endpoints at once. */
  massDelete: z.boolean(),
  entries: z.array(Entry),
  /** Ask again with this offset; null on the last page. */
  nextOffset: z.number().int().nullable(),
})
export type IntentPage = z.infer<typeof IntentPage>

export type EntryMap = ReadonlyMap<string, Entry>

export function toEntryMap(entries: Iterable<Entry>): EntryMap {
  return new Map([...entries].map((entry) => [entryKey(entry), entry]))
}

/** The change that turns `before` into `after`, keys sorted. `applyChange(before, change)` equals `after`. */
export function entryChange(before: EntryMap, after: EntryMap): { put: Entry[]; remove: string[] } {
  const put = [...after.entries()]
    .filter(([key, entry]) => {
      const old = before.get(key)
      return old === undefined || (old !== entry && canonicalJson(old) !== canonicalJson(entry))
    })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, entry]) => entry)
  const remove = [...before.keys()].filter((key) => !after.has(key)).sort()
  return { put, remove }
}

export function applyChange(before: EntryMap, change: { put: readonly Entry[]; remove: readonly string[] }): EntryMap {
  const after = new Map(before)
  for (const key of change.remove) after.delete(key)
  for (const entry of change.put) after.set(entryKey(entry), entry)
  return after
}

export function digestOfMap(entries: EntryMap): string {
  return digestOf(entries.values())
}
