import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TakenSet } from './taken-set.ts'

describe('TakenSet', () => {
  it('agrees with a plain set after any steps', () => {
    const step = fc.record({ put: fc.boolean(), offset: fc.nat(2_100) })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_101 }),
        fc.array(step, { maxLength: 300 }),
        fc.nat(2_100),
        (size, steps, from) => {
          const taken = new TakenSet(size)
          const plain = new Set<number>()
          for (const { put, offset } of steps.filter(({ offset }) => offset < size)) {
            if (put) taken.add(offset)
            else taken.delete(offset)
            if (put) plain.add(offset)
            else plain.delete(offset)
          }
          let expected: number | undefined = from
          while (plain.has(expected)) expected++
          expect(taken.nextFree(from)).toBe(expected < size ? expected : undefined)
        },
      ),
    )
  })

  it('is full when every offset is taken, and not any more when one is let go', () => {
    for (const size of [1, 31, 32, 33, 1024, 1025, 40_000]) {
      const taken = new TakenSet(size)
      for (let offset = 0; offset < size; offset++) taken.add(offset)
      expect(taken.nextFree(0)).toBeUndefined()
      taken.delete(size - 1)
      expect(taken.nextFree(0)).toBe(size - 1)
    }
  })

  it('finds the one free offset of a large full range in a few steps', () => {
    const size = 2 ** 18
    const taken = new TakenSet(size)
    for (let offset = 0; offset < size; offset++) if (offset !== 200_000) taken.add(offset)
    const began = performance.now()
    for (let tries = 0; tries < 10_000; tries++) expect(taken.nextFree(tries)).toBe(200_000)
    expect(performance.now() - began).toBeLessThan(2_000)
  })

  it('serves 2^48 offsets', () => {
    const taken = new TakenSet(2 ** 48)
    taken.add(2 ** 48 - 2)
    expect(taken.nextFree(2 ** 48 - 2)).toBe(2 ** 48 - 1)
    expect(taken.nextFree(5)).toBe(5)
  })
})
