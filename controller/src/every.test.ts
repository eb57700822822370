import { describe, expect, it } from 'vitest'
import { every } from './every.ts'
import { openLog } from './log.ts'

const HOUR_MS = 3_600_000

describe('every', () => {
  it('runs when it is woken, one at a time, and once more for whoever woke it meanwhile', async () => {
    const begun: (() => void)[] = []
    const timer = every(HOUR_MS, () => new Promise<void>((resolve) => begun.push(resolve)), openLog('silent'))
    timer.wake()
    expect(begun.length).toBe(1)
    timer.wake()
    timer.wake()
    expect(begun.length).toBe(1)
    begun[0]?.()
    await expect.poll(() => begun.length).toBe(2)
    begun[1]?.()
    await timer.idle()
    expect(begun.length).toBe(2)
    timer.stop()
    timer.wake()
    expect(begun.length).toBe(2)
  })

  it('goes on after a failure', async () => {
    let runs = 0
    const fails = async () => {
      runs++
      throw new Error('no')
    }
    const timer = every(HOUR_MS, fails, openLog('silent'))
    timer.wake()
    await timer.idle()
    timer.wake()
    await timer.idle()
    timer.stop()
    expect(runs).toBe(2)
  })
})
