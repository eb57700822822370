import { addressFromHex, addressToHex, formatAddress, parseAddress, parseCidr } from '@weft/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HeldRecord, Stored, SubnetRecord } from './records.ts'
import { ruledOut, SubnetPool } from './subnet-pool.ts'

const UID = '0'.repeat(20)
const subnet = (cidr: string, ipRange?: string): SubnetRecord => ({
  v: 1,
  req: 'test',
  gen: 1,
  uid: UID,
  network: UID,
  cidr,
  ...(ipRange === undefined ? {} : { ipRange }),
  auxAddresses: {},
})
const held = (revision: number, chosen = true): Stored<HeldRecord> => ({
  value: { v: 1, req: 'test', endpoint: UID, host: 'docker1', chosen },
  createRevision: revision,
  modRevision: revision,
})
const hexOf = (text: string) => addressToHex(parseAddress(text))
const free = () => false

function poolOf(cidr: string, ipRange?: string): SubnetPool {
  const pool = new SubnetPool()
  pool.define(subnet(cidr, ipRange))
  return pool
}

describe('SubnetPool', () => {
  it('chooses after the last chosen one, ascending and wrapping', () => {
    const pool = poolOf('10.0.0.0/29')
    pool.hold(hexOf('10.0.0.5'), held(7))
    pool.hold(hexOf('10.0.0.2'), held(6))
    expect(pool.lastChosen).toBe(parseAddress('10.0.0.5').value)
    const next = (after: string) => {
      const address = pool.choose(parseAddress(after).value, free)
      return address === undefined ? undefined : formatAddress(address)
    }
    expect(next('10.0.0.5')).toBe('10.0.0.6')
    expect(next('10.0.0.1')).toBe('10.0.0.3')
    expect(next('10.0.0.7')).toBe('10.0.0.0')
    expect(next('10.9.9.9')).toBe('10.0.0.0')
  })

  it('does not count asked-for addresses as chosen', () => {
    const pool = poolOf('10.0.0.0/24')
    pool.hold(hexOf('10.0.0.200'), held(7, false))
    expect(pool.lastChosen).toBeUndefined()
  })

  it('counts a key with a damaged value, and one that came before its subnet, as taken', () => {
    const pool = new SubnetPool()
    pool.hold(hexOf('10.0.0.0'), undefined)
    pool.reserve(hexOf('10.0.0.1'), undefined)
    pool.define(subnet('10.0.0.0/30'))
    expect(pool.choose(undefined, free)).toEqual(parseAddress('10.0.0.2'))
  })

  it('frees an address only when both of its keys are gone', () => {
    const pool = poolOf('10.0.0.0/30')
    const hex = hexOf('10.0.0.0')
    pool.hold(hex, held(1))
    pool.reserve(hex, undefined)
    pool.drop('held', hex)
    expect(pool.choose(undefined, free)).toEqual(parseAddress('10.0.0.1'))
    pool.drop('reserved', hex)
    expect(pool.choose(undefined, free)).toEqual(parseAddress('10.0.0.0'))
  })

  it('gives every free address of its range once, never another, whatever is taken and barred', () => {
    const offsets = fc.uniqueArray(fc.nat(255), { maxLength: 200 })
    fc.assert(
      fc.property(offsets, offsets, fc.nat(255), (taken, barred, start) => {
        const pool = poolOf('10.0.0.0/16', '10.0.3.0/24')
        const hexAt = (offset: number) => hexOf(`10.0.3.${offset}`)
        for (const offset of taken) pool.hold(hexAt(offset), held(1))
        const skip = new Set(barred.map(hexAt))
        const given: string[] = []
        let after: bigint | undefined = parseAddress(`10.0.3.${start}`).value
        for (;;) {
          const address = pool.choose(after, (hex) => skip.has(hex))
          if (address === undefined) break
          given.push(addressToHex(address))
          pool.hold(addressToHex(address), held(2))
          after = address.value
        }
        const all = Array.from({ length: 256 }, (_, offset) => hexAt(offset))
        const expected = all.filter((hex, offset) => !taken.includes(offset) && !skip.has(hex))
        expect(given.toSorted()).toEqual(expected)
        const ascents = given.filter((hex, index) => index > 0 && hex < (given[index - 1] ?? ''))
        expect(ascents.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 50 },
    )
  })

  it('serves an IPv6 /64 from its beginning', () => {
    const pool = poolOf('fd00::/64')
    pool.reserve(hexOf('fd00::'), undefined)
    pool.hold(hexOf('fd00::ffff:ffff:ffff:ffff'), held(3))
    expect(pool.choose(undefined, free)).toEqual(parseAddress('fd00::1'))
    expect(pool.choose(addressFromHex(hexOf('fd00::ffff:ffff:ffff:ffff')).value, free)).toEqual(parseAddress('fd00::1'))
  })
})

describe('ruledOut', () => {
  it('names network and broadcast, or the anycast address', () => {
    const texts = (cidr: string) =>
      ruledOut(parseCidr(cidr)).map(({ address, purpose }) => `${formatAddress(address)} ${purpose}`)
    expect(texts('10.0.0.0/30')).toEqual(['10.0.0.0 network', '10.0.0.3 broadcast'])
    expect(texts('10.0.0.0/31')).toEqual([])
    expect(texts('fd00::/64')).toEqual(['fd00:: anycast'])
  })
})
