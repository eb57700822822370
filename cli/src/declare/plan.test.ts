import { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import type { Client } from '../client/client.ts'
import { carryOut, refusalOf } from './carry-out.ts'
import type { Step } from './kind.ts'
import { planSteps } from './plan.ts'
import { planText } from './text.ts'

const CLIENT: Client = {
  call: async () => {
    throw new Error('steps of this test ask nobody')
  },
  // biome-ignore lint/correctness/useYield: nothing is streamed here.
  stream: async function* () {
    throw new Error('steps of this test ask nobody')
  },
}
const newRequestId = () => 'request-1'
const conflict = new WeftError('conflict', {
  what: 'address is in use',
  on: '10.0.0.5',
  why: 'web has it',
  remedy: 'stop it',
})

function step(
  verb: Step['verb'],
  subject: string,
  more: Partial<Step> & { refuses?: WeftError; fails?: WeftError } = {},
): Step {
  const { refuses, fails, ...rest } = more
  return {
    verb,
    subject,
    needs: [],
    frees: [],
    fixed: [],
    where: { hosts: ['docker1'] },
    check: async () => {
      if (refuses !== undefined) throw refuses
      return { changes: [{ what: 'thing', after: 'new' }], warnings: [] }
    },
    run: async () => {
      if (fails !== undefined) throw fails
      return 7
    },
    ...rest,
  }
}

const plan = (steps: readonly (readonly Step[])[], prune = true) => planSteps(CLIENT, steps, prune, newRequestId)
const subjects = (steps: Awaited<ReturnType<typeof plan>>['steps']) =>
  steps.map(({ step: { verb, subject } }) => `${verb} ${subject}`)

describe('a plan', () => {
  it('removes first, later kinds before earlier ones, then makes in order', async () => {
    const kinds = [
      [step('remove', 'network a', { prune: true }), step('create', 'network b')],
      [step('create', 'leg in b'), step('remove', 'leg in a')],
    ]
    expect(subjects((await plan(kinds)).steps)).toEqual([
      'remove leg in a',
      'remove network a',
      'create network b',
      'create leg in b',
    ])
    const kept = await plan(kinds, false)
    expect(subjects(kept.steps)).toEqual(['remove leg in a', 'create network b', 'create leg in b'])
    expect(kept.unnamed).toEqual(['network a'])
  })

  it('leaves out what turns out to be so already', async () => {
    const same = step('update', 'network a', { check: async () => ({ changes: [], warnings: [] }) })
    expect((await plan([[same]])).steps).toEqual([])
  })

  it('counts a refusal unless an earlier step may take its reason away', async () => {
    const needing = step('create', 'leg in b', { needs: ['network b '], refuses: conflict })
    const judged = async (...before: Step[]) => {
      const { steps } = await plan([before, [needing]])
      return steps.find(({ step: { subject } }) => subject === 'leg in b')?.unchecked ?? false
    }
    expect(await judged()).toBe(false)
    expect(await judged(step('create', 'network bb'))).toBe(false)
    expect(await judged(step('create', 'network b'))).toBe(true)
    expect(await judged(step('remove', 'x'))).toBe(false)
    expect(await judged(step('remove', 'x', { frees: ['create leg in '] }))).toBe(true)
    expect(await judged(step('remove', 'x', { frees: ['remove leg in '] }))).toBe(false)
  })

  it('ends at a store that does not answer, for nothing can be told then', async () => {
    const gone = new WeftError('unavailable', { what: 'no answer' })
    await expect(plan([[step('create', 'a', { refuses: gone })]])).rejects.toBe(gone)
  })

  it('is one error where anything is refused, which names all', async () => {
    const fixed = [{ what: 'driver: overlay -> bridge', why: 'it is what the network is made of' }]
    const made = await plan([
      [
        step('update', 'network a', { fixed }),
        step('create', 'network b', { refuses: conflict }),
        step('create', 'network c'),
      ],
    ])
    expect(refusalOf(made)).toMatchObject({
      code: 'unsupported',
      parts: {
        what: 'network a cannot be changed so while it lives',
        why: 'driver: overlay -> bridge: it is what the network is made of\nnetwork b: address is in use (10.0.0.5)\nnothing was changed',
      },
    })
    expect(refusalOf(await plan([[step('create', 'network c')]]))).toBeUndefined()
    expect(planText(made, { hosts: [], endpoints: [] }).split('\n')).toEqual([
      '! network a',
      '    network a cannot be changed so while it lives',
      '    driver: overlay -> bridge: it is what the network is made of',
      '! network b',
      '    address is in use: 10.0.0.5',
      '    web has it',
      '+ network c',
      '    thing: (none) -> new',
      '    on docker1',
    ])
  })

  it('says exactly what was done when a step fails', async () => {
    const steps = [step('create', 'a'), step('update', 'b', { fails: conflict }), step('create', 'c')]
    const done: string[] = []
    const failure = carryOut(CLIENT, await plan([steps]), newRequestId, (text) => done.push(text))
    await expect(failure).rejects.toMatchObject({
      code: 'conflict',
      parts: {
        what: 'address is in use',
        why: 'web has it\nit came of b; done before it: a; not tried: c',
        remedy: 'stop it; the same file can be applied again, and goes on where this ended',
      },
    })
    expect(done).toEqual(['created a'])
    expect(await carryOut(CLIENT, await plan([steps.slice(0, 1)]), newRequestId, () => undefined)).toBe(7)
  })
})
