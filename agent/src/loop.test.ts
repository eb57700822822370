import { describe, expect, it } from 'vitest'
import { Loop } from './loop.ts'
import type { PassResult } from './reconcile.ts'

const CLEAN: PassResult = { applied: 1, problems: [], ops: 0, retryInMs: undefined, observed: undefined }
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  fatal: () => undefined,
}

function loopOf(pass: () => Promise<PassResult>): Loop {
  return new Loop({ pass, log, everyMs: 60_000, onResult: () => undefined })
}

describe('the loop', () => {
  it('runs one pass at a time, and one more for all that rang meanwhile', async () => {
    let under = 0
    let most = 0
    let passes = 0
    const loop = loopOf(async () => {
      passes++
      most = Math.max(most, ++under)
      await new Promise((resolve) => setTimeout(resolve, 20))
      under--
      return CLEAN
    })
    const first = loop.run('one')
    await new Promise((resolve) => setTimeout(resolve, 5))
    await Promise.all([first, ...Array.from({ length: 20 }, () => loop.run('many'))])
    expect([most, passes]).toEqual([1, 2])
    await loop.stop()
  })

  it('gives whoever asks a pass that began after the question', async () => {
    let fact = 0
    const seen: number[] = []
    const loop = loopOf(async () => {
      const read = fact
      await new Promise((resolve) => setTimeout(resolve, 10))
      seen.push(read)
      return CLEAN
    })
    loop.trigger('start')
    await new Promise((resolve) => setTimeout(resolve, 5))
    fact = 1
    await loop.run('changed')
    expect(seen).toEqual([0, 1])
    await loop.stop()
  })

  it('a pass that throws is a problem, not an end', async () => {
    let bad = true
    const loop = loopOf(async () => {
      if (bad) throw new Error('boom')
      return CLEAN
    })
    expect((await loop.run('one')).problems).toMatchObject([{ message: expect.stringContaining('boom') }])
    bad = false
    expect((await loop.run('two')).problems).toEqual([])
    await loop.stop()
    expect((await loop.run('after the end')).problems).toHaveLength(1)
  })
})
