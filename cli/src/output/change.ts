/** One change for people. */
import type { NetworkChange } from '@weft/shared'
import { printable } from './terminal.ts'

/** `label team: web -> db`, `label old: 1 -> (none)`. */
export function changeText({ what, before, after }: NetworkChange): string {
  return printable(`${what}: ${shown(before)} -> ${shown(after)}`)
}

function shown(value: string | undefined): string {
  return value === undefined ? '(none)' : value === '' ? '(empty)' : value
}
