/** Doing a plan, step by step; where one fails, exactly what was done, what was not and why. */
import { WeftError } from '@weft/shared'
import type { Client } from '../client/client.ts'
import type { Plan, PlannedStep } from './plan.ts'

const DONE = { create: 'created', update: 'updated', remove: 'removed' } as const

/**
 * @param onDone hears of every step that is done, in words
 * @returns the highest revision that hosts should reach; 0 when none was told
 * @throws the first failure, with what was done before it and what was not tried
 */
export async function carryOut(
  client: Client,
  plan: Plan,
  newRequestId: () => string,
  onDone: (text: string) => void,
): Promise<number> {
  let revision = 0
  for (const [at, { step }] of plan.steps.entries()) {
    try {
      revision = Math.max(revision, (await step.run(client, newRequestId)) ?? 0)
    } catch (thrown) {
      throw halfDone(WeftError.from(thrown), plan.steps, at)
    }
    onDone(`${DONE[step.verb]} ${step.subject}`)
  }
  return revision
}

function halfDone(error: WeftError, steps: readonly PlannedStep[], at: number): WeftError {
  const { why, remedy, ...parts } = error.parts
  const subjects = (some: readonly PlannedStep[]) => some.map(({ step }) => step.subject).join(', ') || 'nothing'
  const told = [
    ...(why === undefined ? [] : [why]),
    `it came of ${steps[at]?.step.subject}; done before it: ${subjects(steps.slice(0, at))}; not tried: ${subjects(steps.slice(at + 1))}`,
  ]
  const next = 'the same file can be applied again, and goes on where this ended'
  return new WeftError(error.code, {
    ...parts,
    why: told.join('\n'),
    remedy: remedy === undefined ? next : `${remedy}; ${next}`,
    cause: error,
  })
}

/** The refusals of a plan as one error; undefined when there are none. Nothing was changed. */
export function refusalOf(plan: Plan): WeftError | undefined {
  const refused = plan.steps.flatMap(({ step, refused: error }) => (error === undefined ? [] : [{ step, error }]))
  const [first] = refused
  if (first === undefined) return undefined
  const lines = refused
    .slice(1)
    .map(
      ({ step, error }) =>
        `${step.subject}: ${error.parts.what}${error.parts.on === undefined ? '' : ` (${error.parts.on})`}`,
    )
  const { what, why, ...parts } = first.error.parts
  return new WeftError(first.error.code, {
    ...parts,
    what: what.includes(first.step.subject) ? what : `${first.step.subject}: ${what}`,
    why: [why, ...lines, 'nothing was changed'].filter((line) => line !== undefined).join('\n'),
  })
}
