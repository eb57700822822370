import { WeftError } from '@weft/shared'

/** Keys from `from` up to but without `to`; without `to` the one key. */
export interface KeyRange {
  readonly from: string
  readonly to?: string
}

/**
 * The one key. Keys are printable ASCII, so that etcd's order of bytes and JavaScript's order of strings agree.
 * @throws `invalid` for anything else.
 */
export function oneKey(key: string): KeyRange {
  return { from: asciiKey(key) }
}

/** Every key that starts with the prefix. @throws `invalid` for an empty prefix. */
export function below(prefix: string): KeyRange {
  asciiKey(prefix)
  return { from: prefix, to: prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1) }
}

export function inRange(key: string, range: KeyRange): boolean {
  return range.to === undefined ? key === range.from : key >= range.from && key < range.to
}

function asciiKey(key: string): string {
  if (/^[\x21-\x7e]+$/.test(key)) return key
  throw new WeftError('invalid', {
    what: 'not a key of the store',
    on: JSON.stringify(key),
    why: 'printable ASCII only',
  })
}
