import { describe, expect, it } from 'vitest'
import { isPlaceholder, isPlaceholderPool, placeholderAddress, placeholderPool } from './placeholder.ts'

describe('IPv4 of IPv6-only networks', () => {
  it('is an address for nobody else, within what RFC 3927 leaves free', () => {
    const made = Array.from({ length: 500 }, (_, index) => placeholderAddress(`request ${index}`))
    for (const address of made) {
      expect(isPlaceholder(address)).toBe(true)
      const [, third] = /^169\.254\.(\d+)\.\d+\/32$/.exec(address) ?? []
      expect(Number(third)).toBeGreaterThanOrEqual(1)
      expect(Number(third)).toBeLessThanOrEqual(254)
    }
    expect(new Set(made).size).toBeGreaterThan(490)
  })

  it('knows its pools and addresses from those of the cluster', () => {
    expect(isPlaceholderPool(placeholderPool('n1'))).toBe(true)
    expect(isPlaceholderPool('n1/s1')).toBe(false)
    expect(isPlaceholder('10.0.0.1/24')).toBe(false)
  })
})
