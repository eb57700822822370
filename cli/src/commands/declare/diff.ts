import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { makePlan } from '../../declare/plan.ts'
import { note, print } from '../../output/terminal.ts'
import type { Run } from '../spec.ts'
import { readWanted, shownPlan } from './wanted.ts'

const Flags = z.strictObject({
  file: z.string().optional(),
  prune: z.boolean().default(false),
  exitCode: z.boolean().default(false),
})

/** Shows what apply would do. */
export const run: Run = async (context, { options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const wanted = await readWanted(terminal, flags.file)
  const client = await openClient(context.connection, terminal)
  const plan = await makePlan(client, wanted, flags.prune, context.newRequestId)
  if (plan.steps.length + plan.unnamed.length > 0) print(terminal, await shownPlan(client, plan))
  if (plan.steps.length === 0) note(terminal, 'no difference: the cluster is as the file says')
  return flags.exitCode && plan.steps.length > 0 ? 1 : undefined
}
