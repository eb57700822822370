import { type Op, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { OpBackoff } from './backoff.ts'

const BAD: Op = { op: 'link-delete', netns: '', name: 'bad' }
const GOOD: Op = { op: 'link-delete', netns: '', name: 'good' }
const error = new WeftError('internal', { what: 'EBUSY', remedy: 'wait' })

describe('backing off from refused ops', () => {
  it('tries them less and less often, half a minute at most, and keeps reporting', () => {
    const backoff = new OpBackoff()
    const waits: number[] = []
    let now = 0
    for (let tries = 0; tries < 12; tries++) {
      expect(backoff.due([BAD, GOOD], now)).toContainEqual(BAD)
      backoff.failed(BAD, error, 'ip link del bad', now)
      expect(backoff.due([BAD, GOOD], now)).toEqual([GOOD])
      waits.push((backoff.nextDue ?? 0) - now)
      now = backoff.nextDue ?? 0
    }
    expect(waits.slice(0, 4)).toEqual([250, 500, 1_000, 2_000])
    expect(waits.at(-1)).toBe(30_000)
    expect(backoff.problems).toMatchObject([
      { code: 'internal', message: expect.stringContaining('ip link del bad'), remedy: 'wait' },
    ])
  })

  it('forgets what is no longer wanted', () => {
    const backoff = new OpBackoff()
    backoff.failed(BAD, error, 'text', 0)
    backoff.due([GOOD], 0)
    expect([backoff.problems, backoff.nextDue]).toEqual([[], undefined])
  })
})
