import { EMPTY_DIGEST, type Position } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { Board, hasReached, type StatusReport } from './board.ts'

const at = (revision: number, digest = EMPTY_DIGEST, incarnation = 1): Position => ({ incarnation, revision, digest })
const other = 'f'.repeat(32)
const report = (accepted: Position, more: Partial<StatusReport> = {}): StatusReport => ({
  epoch: 1,
  instance: 'instance-1',
  accepted,
  applied: accepted.revision,
  problems: [],
  ...more,
})
const host = { id: 'docker1', alive: true, epoch: 1 }

describe('reaching a target', () => {
  it.each([
    ['the same entries', report(at(5)), at(5), true],
    ['the same entries, counted from another revision', report(at(5)), at(9), true],
    ['other entries', report(at(5, other)), at(9), false],
    ['a later revision', report(at(12, other)), at(9), true],
    ['accepted, not applied', report(at(9), { applied: 5 }), at(9), false],
    ['another incarnation', report(at(12, EMPTY_DIGEST, 2)), at(9), false],
    ['a problem', report(at(9), { problems: [{ code: 'kernel', message: 'EEXIST' }] }), at(9), false],
  ])('%s', (_, said, target, reached) => {
    expect(hasReached(said, target)).toBe(reached)
  })
})

describe('the board', () => {
  it('knows a host without a report as not converged', () => {
    const board = new Board({ monotonicMs: () => 0 })
    expect(board.status(host, at(1))).toMatchObject({ converged: false, reportAgeMs: null, problems: [] })
  })

  it('tells the age of the last report and whoever waits', () => {
    let now = 100
    const board = new Board({ monotonicMs: () => now })
    let calls = 0
    const stop = board.onChange(() => calls++)
    board.record('docker1', report(at(5)))
    now = 350
    expect(board.status(host, at(5))).toMatchObject({ converged: true, reportAgeMs: 250, applied: 5 })
    stop()
    board.record('docker1', report(at(6)))
    expect(calls).toBe(1)
  })

  it('leaves aside reports of older epochs and overtaken ones, and takes a restarted agent’s', () => {
    const board = new Board({ monotonicMs: () => 0 })
    board.record('docker1', report(at(9), { epoch: 2 }))
    board.record('docker1', report(at(12)))
    board.record('docker1', report(at(8), { epoch: 2 }))
    expect(board.status(host, at(9)).applied).toBe(9)
    board.record('docker1', report(at(3), { epoch: 2, instance: 'instance-2' }))
    expect(board.status(host, at(9)).applied).toBe(3)
  })

  it('does not count what an earlier epoch of a host said', () => {
    const board = new Board({ monotonicMs: () => 0 })
    board.record('docker1', report(at(9)))
    expect(board.status({ ...host, epoch: 2 }, at(9))).toMatchObject({ converged: false })
    expect(board.status({ ...host, alive: false }, at(9))).toMatchObject({ converged: false })
  })
})
