/**
 * Plan cases: each folder of `cases/` is one, found by reading the directory. `desired.json` and `observed.json` are HostStates
 * (empty lists may be left out), `ops.json` the ops that the diff must give, `conflicts.json` its conflicts (default none).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { EMPTY_HOST_STATE, type HostState, HostStateSchema, OpSchema } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { diff } from '../../agent/src/plan/index.ts'
import { applyOps } from '../support/apply-ops.ts'

const CASES = new URL('./cases/', import.meta.url)
const Conflicts = z.array(
  z.strictObject({ link: z.strictObject({ netns: z.string(), name: z.string() }), why: z.string() }),
)

for (const name of readdirSync(CASES).sort()) {
  describe(name, () => {
    const read = (file: string): unknown => JSON.parse(readFileSync(new URL(`${name}/${file}.json`, CASES), 'utf8'))
    const state = (file: string): HostState =>
      ({ ...EMPTY_HOST_STATE, ...HostStateSchema.partial().parse(read(file)) }) as HostState
    const [desired, observed] = [state('desired'), state('observed')]
    const ops = z.array(OpSchema).parse(read('ops'))
    const conflicts = existsSync(new URL(`${name}/conflicts.json`, CASES)) ? Conflicts.parse(read('conflicts')) : []

    it('gives these ops, in this order', () => {
      expect(diff(desired, observed)).toEqual({ ops, conflicts })
    })

    it('gives them whatever the order of the input', () => {
      expect(diff(reversed(desired), reversed(observed))).toEqual({ ops, conflicts })
    })

    it('is at rest once they are applied', () => {
      expect(diff(desired, applyOps(observed, ops))).toEqual({ ops: [], conflicts })
    })

    it('leaves foreign links as they are', () => {
      const foreign = ({ links }: HostState) =>
        links.filter((link) => link.owned !== true && !link.netns.startsWith('/'))
      expect(foreign(applyOps(observed, ops))).toEqual(foreign(observed))
    })
  })
}

function reversed(state: HostState): HostState {
  return Object.fromEntries(Object.entries(state).map(([key, list]) => [key, [...list].reverse()])) as HostState
}
