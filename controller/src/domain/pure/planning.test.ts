import { formatCidr, parseCidr, Uid } from '@weft/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkFree, type Occupied, rangeOf } from './check-subnets.ts'
import { chooseSubnet, clusterPool6 } from './default-pools.ts'
import { addressKeyOf, keys, parseKey } from './keys.ts'
import { macOf } from './macs.ts'
import { uidOf } from './uids.ts'

const taken = (...cidrs: string[]): Occupied[] =>
  cidrs.map((cidr) => ({ cidr: parseCidr(cidr), by: cidr, remedy: 'choose another' }))

describe('chooseSubnet', () => {
  it('takes the first /24 that overlaps nothing, past what is large', () => {
    expect(formatCidr(chooseSubnet(4, 'c', []))).toBe('10.64.0.0/24')
    expect(formatCidr(chooseSubnet(4, 'c', taken('10.64.0.0/24', '10.64.2.0/23')))).toBe('10.64.1.0/24')
    expect(formatCidr(chooseSubnet(4, 'c', taken('10.64.0.0/12')))).toBe('10.80.0.0/24')
    expect(() => chooseSubnet(4, 'c', taken('10.0.0.0/8'))).toThrow(/exhausted.*10\.64\.0\.0\/10/)
  })

  it('never overlaps, whatever is taken', () => {
    // 60 of /18 at most: the pool, a /10, is never full.
    const range = fc.record({ at: fc.nat(16_383), prefixLength: fc.integer({ min: 18, max: 32 }) })
    fc.assert(
      fc.property(fc.array(range, { maxLength: 60 }), (ranges) => {
        const occupied = ranges.map(({ at, prefixLength }) => {
          const cidr = rangeOf(`10.${64 + (at >> 8)}.${at & 255}.77/${prefixLength}`)
          return { cidr, by: formatCidr(cidr), remedy: '' }
        })
        expect(() => checkFree(chooseSubnet(4, 'c', occupied), occupied)).not.toThrow()
      }),
    )
  })

  it('takes IPv6 from the cluster’s own ULA /48', () => {
    const pool = clusterPool6('some-cluster')
    expect(formatCidr(pool)).toMatch(/^fd[0-9a-f]{2}:.*\/48$/)
    expect(clusterPool6('some-cluster')).toEqual(pool)
    expect(clusterPool6('another-cluster')).not.toEqual(pool)
    const first = chooseSubnet(6, 'some-cluster', [])
    expect(first).toEqual({ ...pool, prefixLength: 64 })
    const next = chooseSubnet(6, 'some-cluster', taken(formatCidr(first)))
    expect(next.base - first.base).toBe(1n << 64n)
  })
})

describe('keys', () => {
  it('reads back what it makes', () => {
    expect(parseKey(keys.network('u'))).toEqual({ kind: 'network', id: 'u' })
    expect(parseKey(keys.uplink('lan', 'docker1'))).toEqual({ kind: 'uplink', name: 'lan', host: 'docker1' })
    expect(parseKey(keys.vni(4096))).toEqual({ kind: 'vni', vni: 4096 })
    const held = addressKeyOf('held', { subnet: 's', ip: '10.0.0.1' })
    expect(held).toBe('/weft/v1/ip/s/endpoint/0a000001')
    expect(parseKey(held)).toEqual({ kind: 'held', subnet: 's', hex: '0a000001' })
    expect(held.startsWith(keys.heldBelow('s'))).toBe(true)
    expect(held.startsWith(keys.reservedBelow('s'))).toBe(false)
  })

  it('takes any other text for what it is', () => {
    fc.assert(fc.property(fc.string(), (text) => parseKey(text).kind === 'other'))
    for (const key of ['/weft/v1/ip/s/endpoint/xyz', '/weft/v1/vni/x', '/weft/v1/meta/x', '/weft/v1/new/x']) {
      expect(parseKey(key)).toEqual({ kind: 'other' })
    }
  })
})

describe('derived identities', () => {
  it('are the same for the same request, and valid', () => {
    expect(uidOf('endpoint', 'docker1', 'request-1')).toBe(uidOf('endpoint', 'docker1', 'request-1'))
    fc.assert(fc.property(fc.string(), (text) => Uid.safeParse(uidOf(text)).success))
  })

  it('give another MAC for every salt', () => {
    expect(new Set([0, 1, 2].map((salt) => macOf('n', '10.0.0.2', salt))).size).toBe(3)
  })
})
