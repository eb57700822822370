/**
 * A digest of a set of entries that follows a change in O(1): the sum, modulo 2^128, of the entries' hashes. Order does
 * not matter and removing is subtracting. It finds lost and reordered messages; the bus keeps out forgers.
 */
import { hash128 } from '../hash.ts'
import { type Entry, entryKey } from './entry.ts'

const MODULUS = 1n << 128n
export const EMPTY_DIGEST = '0'.repeat(32)

export function entryHash(entry: Entry): bigint {
  return hash128(`${entryKey(entry)} ${canonicalJson(entry)}`).reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
}

/** The digest of all entries: 32 hex digits. */
export function digestOf(entries: Iterable<Entry>): string {
  let sum = 0n
  for (const entry of entries) sum += entryHash(entry)
  return toText(sum)
}

/** The digest after `removed` went and `added` came. */
export function shiftDigest(digest: string, removed: readonly Entry[], added: readonly Entry[]): string {
  let sum = BigInt(`0x${digest}`)
  for (const entry of removed) sum -= entryHash(entry)
  for (const entry of added) sum += entryHash(entry)
  return toText(sum)
}

/** JSON with sorted keys and no undefined: equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const parts = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, part]) => `${JSON.stringify(key)}:${canonicalJson(part)}`)
  return `{${parts.join(',')}}`
}

function toText(sum: bigint): string {
  return (((sum % MODULUS) + MODULUS) % MODULUS).toString(16).padStart(32, '0')
}
