/** An error for a person: what and where on the first line, then why, then the next command. */
import { ERROR_CODES, WeftError } from '@weft/shared'
import type { Paint } from './paint.ts'
import { printable } from './terminal.ts'

export interface RenderOptions {
  readonly paint: Paint
  /** Adds the stack and the causes. */
  readonly debug: boolean
}

/** The text of an error, one part a line; parts are shown as whoever threw them wrote them. */
export function renderError(thrown: unknown, { paint, debug }: RenderOptions): string {
  const error = WeftError.from(thrown)
  const { what, on, why, remedy } = error.parts
  const subject = on === undefined ? what : `${what}: ${on}`
  const lines = [`${paint('red', 'weft:')} ${oneLine(subject)} [${error.code}]`]
  if (why !== undefined) lines.push(part('why', why))
  if (error.ambiguous) lines.push(part('note', 'no answer came: the change may have been made nevertheless'))
  if (remedy !== undefined) lines.push(part('next', remedy))
  if (debug) lines.push(...stacks(error))
  return `${lines.join('\n')}\n`
}

/** The exit code of an error (DESIGN 11). */
export function exitCodeOf(thrown: unknown): number {
  return ERROR_CODES[WeftError.from(thrown).code].exit
}

function part(title: string, text: string): string {
  const lines = text.split('\n').map(printable)
  return lines.map((line, index) => (index === 0 ? `  ${title}: ${line}` : `    ${line}`)).join('\n')
}

function oneLine(text: string): string {
  return text.split('\n').map(printable).join(' ')
}

function stacks(error: Error): string[] {
  const cause = error.cause instanceof Error ? stacks(error.cause) : []
  return [error.stack ?? error.message, ...cause]
}
