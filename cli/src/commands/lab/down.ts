import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { type TakenDown, takeDown } from '../../lab/index.ts'
import { note } from '../../output/terminal.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ name: z.string() })

/** Takes a lab down; one that is not there is fine. */
export const run: Run = async (context, { options }) => {
  const { name } = parseWith(Flags, options, 'options')
  // A take-down that is interrupted leaves remains; the second Ctrl-C of an impatient person must not.
  context.interrupt()
  note(context.terminal, downText(name, await takeDown(name)))
  return undefined
}

/** "lab default is down: ended 14 processes, removed 4 namespaces" */
export function downText(name: string, taken: TakenDown): string {
  if (taken.processes === 0 && taken.namespaces.length === 0 && !taken.folder) return `lab ${name} was not up`
  return `lab ${name} is down: ended ${taken.processes} processes, removed ${taken.namespaces.length} namespaces`
}
