import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hash128 } from './hash.ts'

const hex = (text: string, seed?: number) =>
  hash128(text, seed)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')

describe('MurmurHash3 x86 128', () => {
  // The second is the published example of murmurhash3.js; all were computed with the author's C code.
  it.each([
    ['', 0, '00000000000000000000000000000000'],
    ["I will not buy this tobacconist's, it is scratched.", 0, '9b5b7ba2ef3f7866889adeaf00f3f98e'],
    ['', 1, '88c4adec54d201b954d201b954d201b9'],
    ['a', 0, 'a794933c5556b01b5556b01b5556b01b'],
    ['hello', 1, 'eba4da841759b52f7c10bd197c10bd19'],
    ['0123456789abcde', 0, '3c76c46d4d0818c0add433daa78673fa'],
    ['0123456789abcdef', 0, 'fb7d440936aed30a48ad1d9b572b3bfd'],
    ['ü漢', 0, '77df84fe27459d3d7df30f517df30f51'],
  ])('hashes %j with seed %d', (text, seed, expected) => {
    expect(hex(text, seed)).toBe(expected)
  })

  it('gives unsigned words, and others for other texts', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        for (const word of hash128(a)) expect(word).toBe(word >>> 0)
        expect(hex(a) === hex(b)).toBe(a === b)
      }),
    )
  })
})
