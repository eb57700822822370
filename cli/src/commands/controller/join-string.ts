import { encodeJoinString, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { note, print } from '../../output/terminal.ts'
import { readControllerSetup } from '../../setup/controller-setup.ts'
import { writePrivate } from '../../setup/files.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ config: z.string().min(1), out: z.string().min(1).optional() })

/** Prints the join string alone on stdout, or writes it to a file. */
export const run: Run = async (context, { options }) => {
  const { config, out } = parseWith(Flags, options, 'options')
  const setup = readControllerSetup(config)
  if (setup === undefined)
    throw new WeftError('not_found', {
      what: 'no controller was set up here',
      on: config,
      why: 'the file does not exist',
      remedy: 'set it up: weft controller init',
    })
  const text = encodeJoinString(setup.join)
  if (out === undefined) print(context.terminal, text)
  else {
    writePrivate(out, `${text}\n`)
    note(context.terminal, `written to ${out}; who reads it can join`)
  }
  return undefined
}
