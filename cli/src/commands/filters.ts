/** The kinds of `-f` that lists have, as Docker's: a part of a name, the whole of a word, the beginning of an id, labels. */
import { bad } from './flags.ts'
import type { Filter } from './list.ts'

/** The value is a part of the text. */
export function part<Row>(of: (row: Row) => string): Filter<Row> {
  return { match: (row, wanted) => of(row).includes(wanted) }
}

/** The value is the text, or one of the texts. */
export function whole<Row>(of: (row: Row) => string | readonly string[]): Filter<Row> {
  return { match: (row, wanted) => [of(row)].flat().includes(wanted) }
}

/** The value is the beginning of an id, or of one of them. */
export function beginning<Row>(of: (row: Row) => string | readonly string[]): Filter<Row> {
  return { match: (row, wanted) => [of(row)].flat().some((id) => id.startsWith(wanted)) }
}

/** The value is one of a few words. */
export function word<Row>(words: readonly string[], of: (row: Row) => string): Filter<Row> {
  return {
    check: (wanted) => {
      if (!words.includes(wanted)) throw bad('--filter', wanted, `it is one of ${words.join(', ')}`)
    },
    match: (row, wanted) => of(row) === wanted,
  }
}

/** `KEY` or `KEY=VALUE`; all that are given must be there. */
export function labelled<Row>(of: (row: Row) => Readonly<Record<string, string>>): Filter<Row> {
  return { every: true, match: (row, wanted) => hasLabel(of(row), wanted) }
}

export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=')
  if (at < 0) return Object.hasOwn(labels, wanted)
  const key = wanted.slice(0, at)
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(at + 1)
}

/** `a=1,b=2`, sorted: how Docker's lists show labels. */
export function pairs(map: Readonly<Record<string, string>>): string {
  return Object.entries(map)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',')
}
