/** Colours, where they help and the reader wants them (https://no-color.org). */
import type { Stream, Terminal } from './terminal.ts'

const CODES = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 } as const
export type Colour = keyof typeof CODES
export type Paint = (colour: Colour, text: string) => string

/** Paints for this stream: nothing unless it is a terminal, NO_COLOR is unset or empty, and TERM is not dumb. */
export function painter(stream: Stream, env: Terminal['env']): Paint {
  const wanted = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  return wanted ? (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m` : (_, text) => text
}
