/** Asking whoever sits at the terminal. */
import { createInterface } from 'node:readline/promises'
import { WeftError } from '@weft/shared'
import { note, type Terminal } from './terminal.ts'

/**
 * True for an answer that begins with y.
 * @throws `invalid` where nobody can answer, with the flag that goes on without
 */
export async function confirm(terminal: Terminal, question: string, flag: string): Promise<boolean> {
  const { stdin } = terminal
  if (stdin?.isTTY !== true) {
    const why = 'the input is no terminal, so nobody can answer'
    throw new WeftError('invalid', { what: 'not confirmed', on: question, why, remedy: `add ${flag}` })
  }
  terminal.stderr.write(`${question} [y/N] `)
  const lines = createInterface({ input: stdin, terminal: false })
  try {
    for await (const line of lines) return /^y/i.test(line.trim())
    note(terminal, '')
    return false
  } finally {
    lines.close()
  }
}
