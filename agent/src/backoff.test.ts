import { type Op, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { OpBackoff } from './backoff.ts'

const BAD: Op = { op: 'link-delete', netns: '', name: 'bad' }
const GOOD: Op = { op: 'link-delete', netns: '', name: 'good' }
const error = new WeftError('internal', {
  what: 'link not removed',
  on: 'ip link del bad',
  why: 'EBUSY',
  remedy: 'wait',
})

describe('backing off from refused ops', () => {
  it('tries them less and less often, half a minute at most, and keeps reporting', () => {
    const backoff = new OpBackoff()
    const waits: number[] = []
    let now = 0
    for (let tries = 0; tries < 12; tries++) {
      expect(backoff.due([BAD, GOOD], now)).toContainEqual(BAD)
      backoff.failed(BAD, error, now)
      expect(backoff.due([BAD, GOOD], now)).toEqual([GOOD])
      waits.push((backoff.nextDue ?? 0) - now)
      now = backoff.nextDue ?? 0
    }
    expect(waits.slice(0, 4)).toEqual([250, 500, 1_000, 2_000])
    expect(waits.at(-1)).toBe(30_000)
    expect(backoff.problems).toMatchObject([
      { code: 'internal', message: 'kernel refused: link not removed: ip link del bad: EBUSY', remedy: 'wait' },
    ])
  })

  it('tells of a link that cannot be made once, not again for what was to be done to it', () => {
    const backoff = new OpBackoff()
    const link = { kind: 'bridge', netns: '', name: 'one' } as const
    const add: Op = { op: 'link-add', link }
    const refused = new WeftError('unsupported', { what: 'link not made', on: 'ip link add one' })
    const consequence = new WeftError('not_found', { what: 'no such link', on: 'ip link set one up' })
    backoff.failed(add, refused, 0)
    backoff.failed({ op: 'link-set', netns: '', name: 'one', set: { up: true } }, consequence, 0)
    backoff.failed({ op: 'link-set', netns: '', name: 'two', set: { up: true } }, consequence, 0)
    expect(backoff.problems.map(({ message }) => message)).toEqual([
      'kernel refused: link not made: ip link add one',
      'kernel refused: no such link: ip link set one up',
    ])
  })

  it('forgets what is no longer wanted', () => {
    const backoff = new OpBackoff()
    backoff.failed(BAD, error, 0)
    backoff.due([GOOD], 0)
    expect([backoff.problems, backoff.nextDue]).toEqual([[], undefined])
  })
})
