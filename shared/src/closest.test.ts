import { describe, expect, it } from 'vitest'
import { closest } from './closest.ts'

describe('closest', () => {
  it.each([
    ['prot', 'port'],
    ['MTU', 'mtu'],
    ['atach', 'attach'],
    ['macvlanmode', 'macvlan_mode'],
    ['xyz', undefined],
    ['', undefined],
    ['prt', 'port'],
    ['p'.repeat(100_000), undefined],
  ])('%.10s -> %s', (word, expected) => {
    expect(closest(word, ['attach', 'port', 'mtu', 'macvlan_mode'])).toBe(expected)
  })

  it('takes the first of equals, and none of none', () => {
    expect(closest('ax', ['ab', 'ac'])).toBe('ab')
    expect(closest('ax', [])).toBeUndefined()
  })
})
