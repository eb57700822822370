import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { carryOut, refusalOf } from '../../declare/carry-out.ts'
import { makePlan } from '../../declare/plan.ts'
import { note, print, printable } from '../../output/terminal.ts'
import { waitForHosts } from '../network/wait.ts'
import type { Run } from '../spec.ts'
import { readWanted, shownPlan } from './wanted.ts'

const Flags = z.strictObject({
  file: z.string().optional(),
  prune: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  wait: z.boolean().optional(),
})

/** Makes the cluster what the file says; every step is told as it is done. */
export const run: Run = async (context, { options }) => {
  const { terminal, newRequestId } = context
  const flags = parseWith(Flags, options, 'options')
  const wanted = await readWanted(terminal, flags.file)
  const client = await openClient(context.connection, terminal)
  const plan = await makePlan(client, wanted, flags.prune, newRequestId)
  if (flags.dryRun && plan.steps.length + plan.unnamed.length > 0) print(terminal, await shownPlan(client, plan))
  const refusal = refusalOf(plan)
  if (refusal !== undefined) throw refusal
  if (plan.steps.length === 0) {
    const left = plan.unnamed.length === 0 ? '' : `; left alone: ${plan.unnamed.join(', ')} (--prune removes)`
    note(terminal, `nothing to change: the cluster is as the file says${left}`)
    return undefined
  }
  if (flags.dryRun) {
    note(terminal, 'dry run: nothing was changed')
    return undefined
  }
  for (const warning of plan.steps.flatMap(({ warnings }) => warnings)) note(terminal, `warning: ${printable(warning)}`)
  const revision = await carryOut(client, plan, newRequestId, (text) => print(terminal, text))
  return revision === 0 ? undefined : await waitForHosts(context, client, revision, flags.wait)
}
