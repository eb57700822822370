import { type HostProblem, type Position, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { Progress } from './progress.ts'
import { blankState } from './state/records.ts'

const at = (revision: number, incarnation = 1): Position => ({ incarnation, revision, digest: '0'.repeat(32) })
const refused: HostProblem = { code: 'internal', message: 'EEXIST' }

function setUp(position = at(5)) {
  const store = { current: { ...blankState('one'), position }, failure: undefined as WeftError | undefined }
  const docker = { applied: 5, problems: [] as HostProblem[] }
  const told: boolean[] = []
  const progress = new Progress({
    store,
    networksApplied: () => docker.applied,
    others: () => docker.problems,
    tell: (isThere) => void told.push(isThere),
  })
  return { store, docker, told, progress }
}

describe('progress', () => {
  it('is what kernel and Docker both have, and tells what is new once', () => {
    const { docker, told, progress } = setUp()
    progress.passed({ applied: 5, problems: [] })
    progress.tellIfNew()
    progress.tellIfNew()
    docker.applied = 4
    progress.tellIfNew()
    expect(progress.applied).toBe(4)
    expect(told).toEqual([true, false])
  })

  it('does not fall when a pass did not arrive, and says when one mends what was in the way', () => {
    const { progress } = setUp()
    expect(progress.passed({ applied: 5, problems: [] })).toBe(false)
    expect(progress.passed({ applied: undefined, problems: [refused] })).toBe(false)
    expect([progress.applied, progress.problems]).toEqual([5, [refused]])
    expect(progress.passed({ applied: undefined, problems: [] })).toBe(true)
  })

  it('names what the store and every part has to say', () => {
    const { store, docker, progress } = setUp()
    store.failure = new WeftError('internal', { what: 'state file not written' })
    docker.problems = [{ code: 'unavailable', message: 'Docker does not answer' }]
    progress.passed({ applied: undefined, problems: [refused] })
    expect(progress.problems.map(({ code }) => code)).toEqual(['internal', 'internal', 'unavailable'])
  })

  it('knows whether the intent before was applied with nothing in the way', () => {
    const { progress } = setUp()
    expect(progress.accepted(null)).toBe(false)
    progress.passed({ applied: 4, problems: [] })
    expect([progress.accepted(at(4)), progress.accepted(at(3))]).toEqual([true, false])
    progress.passed({ applied: undefined, problems: [refused] })
    expect(progress.accepted(at(4))).toBe(false)
  })

  it('counts anew in another incarnation', () => {
    const { store, progress } = setUp()
    progress.passed({ applied: 5, problems: [] })
    store.current = { ...store.current, position: at(2, 2) }
    expect(progress.accepted(at(5))).toBe(false)
    expect(progress.applied).toBe(0)
    progress.appliedAsItIs(2)
    expect(progress.applied).toBe(2)
  })
})
