/** What must be done so that the cluster is as a file says, found out and checked before anything is changed. */
import { WeftError } from '@weft/shared'
import type { Client } from '../client/client.ts'
import type { Sections } from './document.ts'
import type { Checked, Fixed, Step } from './kind.ts'
import { KINDS } from './registry.ts'

export interface PlannedStep extends Checked {
  readonly step: Step
  /** Why it will not be done, in the words of whoever refused it. */
  readonly refused?: WeftError
  /** It rests on an earlier step, so nobody can tell beforehand. */
  readonly unchecked?: true
}

export interface Plan {
  /** In the order in which they are done. */
  readonly steps: readonly PlannedStep[]
  /** Left alone without --prune: subjects that the file does not name. */
  readonly unnamed: readonly string[]
}

/** @param prune also removes what sections of the file do not name */
export async function makePlan(
  client: Client,
  wanted: Sections,
  prune: boolean,
  newRequestId: () => string,
): Promise<Plan> {
  const kinds = KINDS.filter(({ key }) => Object.hasOwn(wanted, key))
  const found: Step[][] = []
  for (const kind of kinds) found.push((await kind.read(client)).steps(wanted[kind.key]))
  return await planSteps(client, found, prune, newRequestId)
}

/** @param found each kind's steps, in the kinds' order */
export async function planSteps(
  client: Client,
  found: readonly (readonly Step[])[],
  prune: boolean,
  newRequestId: () => string,
): Promise<Plan> {
  const steps = ordered(found).filter((step) => prune || step.prune !== true)
  const planned: PlannedStep[] = []
  for (const step of steps) {
    const checked = await check(client, step, planned, newRequestId)
    if (checked !== undefined) planned.push(checked)
  }
  const unnamed = prune ? [] : found.flat().filter((step) => step.prune === true)
  return { steps: planned, unnamed: unnamed.map(({ subject }) => subject) }
}

/** Removals first, of later kinds before earlier ones, so that what they held is free; then the rest in order. */
function ordered(found: readonly (readonly Step[])[]): Step[] {
  const isRemoval = ({ verb }: Step) => verb === 'remove'
  const removals = found.toReversed().flatMap((steps) => steps.filter(isRemoval))
  return [...removals, ...found.flatMap((steps) => steps.filter((step) => !isRemoval(step)))]
}

/** Undefined when it turns out that nothing is to be done. */
async function check(
  client: Client,
  step: Step,
  earlier: readonly PlannedStep[],
  newRequestId: () => string,
): Promise<PlannedStep | undefined> {
  if (step.fixed.length > 0) return { step, changes: [], warnings: [], refused: needsNew(step, step.fixed) }
  try {
    const { changes, warnings } = await step.check(client, newRequestId)
    return changes.length === 0 ? undefined : { step, changes, warnings }
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (error.retryable) throw error
    const unchecked = restsOn(step, error, earlier)
    return { step, changes: [], warnings: [], ...(unchecked ? { unchecked } : { refused: error }) }
  }
}

/** Whether an earlier step may take the refusal's reason away: one that it needs, or a removal that frees what is taken. */
function restsOn({ verb, subject, needs }: Step, { code }: WeftError, earlier: readonly PlannedStep[]): boolean {
  const begins = (text: string) => (beginning: string) => `${text} `.startsWith(beginning)
  const needed = earlier.some(({ step }) => needs.some(begins(step.subject)))
  return needed || (code === 'conflict' && earlier.some(({ step }) => step.frees.some(begins(`${verb} ${subject}`))))
}

function needsNew({ subject }: Step, fixed: readonly Fixed[]): WeftError {
  return new WeftError('unsupported', {
    what: `${subject} cannot be changed so while it lives`,
    why: fixed.map(({ what, why }) => `${what}: ${why}`).join('\n'),
    remedy: 'give the new one another name and move the containers there, or take this out of the file',
  })
}
