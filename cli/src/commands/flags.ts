/** Values of flags from text. Every function throws `invalid` with the flag, the value, the rule and the remedy. */
import { closest, WeftError } from '@weft/shared'

export function bad(flag: string, on: string, why: string, remedy?: string): WeftError {
  return new WeftError('invalid', { what: `bad ${flag}`, on, why, ...(remedy === undefined ? {} : { remedy }) })
}

/** Runs a parser of `@weft/shared` and lets its error name the flag as well. */
export function withFlag<T>(flag: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const { code, parts } = WeftError.from(error)
    throw new WeftError(code, { ...parts, what: `bad ${flag}: ${parts.what}` })
  }
}

/** `key=value` pairs of a flag that may be repeated. A key twice, or a prototype key, is refused. */
export function parsePairs(flag: string, texts: readonly string[], example: string): Record<string, string> {
  const pairs = new Map<string, string>()
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at < 1) throw bad(flag, text, 'it must be KEY=VALUE', `write it like ${flag} ${example}`)
    const key = text.slice(0, at)
    if (['__proto__', 'constructor', 'prototype'].includes(key))
      throw bad(flag, text, `the key ${key} is not allowed`, 'choose another key')
    if (pairs.has(key)) throw bad(flag, text, `${key} is given twice`, 'give it once')
    pairs.set(key, text.slice(at + 1))
  }
  return Object.fromEntries(pairs)
}

/** Labels: as {@link parsePairs}, but a key alone has the empty value, as with Docker. */
export function parseLabels(flag: string, texts: readonly string[]): Record<string, string> {
  return parsePairs(
    flag,
    texts.map((text) => (text.includes('=') || text === '' ? text : `${text}=`)),
    'team=web',
  )
}

/** A flag with a value, as Docker's that are on by default: `--ipv4=false`. */
export function parseFlag(flag: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw bad(flag, text, 'it is true or false', `write it like ${flag}=false`)
}

/** A whole number within bounds. */
export function parseInteger(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw bad(flag, text, `it must be a whole number from ${min} to ${max}`, `write it like ${flag} ${min}`)
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** `500ms`, `30s`, `2m`: milliseconds, from 1 to `maxMs`. */
export function parseDurationMs(flag: string, text: string, maxMs: number): number {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text)
  const ms = match === null ? 0 : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
  if (ms >= 1 && ms <= maxMs) return ms
  throw bad(flag, text, `it must be a number with ms, s, m or h, ${maxMs / 1000}s at most`, `write it like ${flag} 30s`)
}

/** A moment as Docker's `until` has it: how long ago (`10m`, `1h30m`), seconds since 1970, or ISO 8601. Milliseconds since 1970. */
export function parseUntil(text: string, nowMs: number): number {
  const parts = [...text.matchAll(/(\d{1,9})(ms|s|m|h)/g)]
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    const ms = parts.map(([, count, unit]) => Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS])
    return nowMs - ms.reduce((sum, each) => sum + each, 0)
  }
  const at = /^\d{1,11}(\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : Date.parse(text)
  if (/^\d/.test(text) && Number.isFinite(at)) return at
  throw bad(
    '--filter',
    `until=${text}`,
    'it is how long ago, or a time',
    'write it like until=24h or until=2026-01-31T12:00:00Z',
  )
}

export type Format = 'table' | 'json'

export function parseFormat(text: string): Format {
  if (text === 'table' || text === 'json') return text
  throw bad('--format', text, 'it is table or json', 'use --format json and jq')
}

/** Of a list: also a Go template, with headings when `table` comes before it. `\\t` and `\\n` in it are tab and line break. */
export type ListFormat = Format | { readonly template: string; readonly headings: boolean }

export function parseListFormat(text: string): ListFormat {
  if (text === 'table' || text === 'json') return text
  const headings = /^table\s/.test(text)
  const template = (headings ? text.slice(5) : text).trim().replaceAll('\\t', '\t').replaceAll('\\n', '\n')
  if (template.includes('{{')) return { template, headings }
  throw bad('--format', text, 'it is table, json or a Go template', "write it like --format '{{.Name}}'")
}

/** One of a closed list of words. */
export function parseWord(flag: string, text: string, words: readonly string[]): string {
  if (words.includes(text)) return text
  const meant = closest(text, words)
  throw bad(flag, text, `it is one of ${words.join(', ')}`, meant === undefined ? undefined : `did you mean ${meant}?`)
}

/** `-f key=value` filters as Docker groups them: values of one key are alternatives. */
export function parseFilters<K extends string>(texts: readonly string[], keys: readonly K[]): ReadonlyMap<K, string[]> {
  const filters = new Map<K, string[]>()
  for (const text of texts) {
    const at = text.indexOf('=')
    const key = parseWord('--filter', at < 0 ? text : text.slice(0, at), keys) as K
    if (at < 0 || at === text.length - 1)
      throw bad('--filter', text, 'it must be KEY=VALUE', `write it like ${key}=mynet`)
    filters.set(key, [...(filters.get(key) ?? []), text.slice(at + 1)])
  }
  return filters
}

/** A name or id of something that exists: goes into a path, so it begins with a letter or digit and holds no `/`. */
export function parseRef(what: string, text: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,127}$/.test(text)) return text
  const why = 'it must begin with a letter or digit and hold only letters, digits and _ . : - (128 at most)'
  throw new WeftError('invalid', {
    what: `bad ${what}`,
    on: text,
    why,
    remedy: `use a name or id that weft ${what} ls shows`,
  })
}
