import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Address } from './address.ts'
import {
  type Cidr,
  cidrSize,
  containsAddress,
  containsCidr,
  firstAddress,
  formatCidr,
  lastAddress,
  overlaps,
  parseCidr,
  parseInterfaceAddress,
} from './cidr.ts'

const arbCidr: fc.Arbitrary<Cidr> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    seed: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    cut: fc.nat(128),
  })
  .map(({ family, seed, cut }) => {
    const bits = family === 4 ? 32 : 128
    const prefixLength = Math.min(cut, bits)
    const hostBits = BigInt(bits - prefixLength)
    return { family, prefixLength, base: ((seed % (1n << BigInt(bits))) >> hostBits) << hostBits }
  })

/** Subnets of the last byte of IPv4: small enough to list. */
const arbTiny: fc.Arbitrary<Cidr> = fc
  .record({ prefixLength: fc.integer({ min: 24, max: 32 }), last: fc.nat(255) })
  .map(({ prefixLength, last }) => {
    const hostBits = BigInt(32 - prefixLength)
    return { family: 4, prefixLength, base: ((0x0a000000n + BigInt(last)) >> hostBits) << hostBits }
  })

function members(cidr: Cidr): Set<bigint> {
  return new Set(Array.from({ length: Number(cidrSize(cidr)) }, (_, index) => cidr.base + BigInt(index)))
}

describe('subnets', () => {
  it.each([
    ['10.0.0.0/24', 256n, '10.0.0.255'],
    ['0.0.0.0/0', 1n << 32n, '255.255.255.255'],
    ['10.0.0.7/32', 1n, '10.0.0.7'],
    ['fd00::/64', 1n << 64n, 'fd00::ffff:ffff:ffff:ffff'],
    ['::/0', 1n << 128n, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s spans %s addresses up to %s', (text, size, last) => {
    const cidr = parseCidr(text)
    expect(formatCidr(cidr)).toBe(text)
    expect(cidrSize(cidr)).toBe(size)
    expect(firstAddress(cidr).value).toBe(cidr.base)
    expect(lastAddress(cidr)).toEqual(parseInterfaceAddress(`${last}/0`).address)
  })

  it('names the subnet that was meant when host bits are set', () => {
    expect(() => parseCidr('10.0.0.7/24')).toThrow(
      '[invalid] subnet has host bits set: 10.0.0.7/24: the address must be the first of its /24; write 10.0.0.0/24',
    )
  })

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/024',
    '10.0.0.0/24 ',
    '10.0.0.0/24/8',
    'fd00::/129',
    '/24',
    '10.1/16',
    '010.0.0.0/8',
  ])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(/^\[invalid\]/)
  })

  it('reads what it writes', () => {
    fc.assert(
      fc.property(arbCidr, (cidr) => {
        expect(parseCidr(formatCidr(cidr))).toEqual(cidr)
      }),
    )
  })

  it('contains, nests and overlaps as sets of addresses do', () => {
    fc.assert(
      fc.property(arbTiny, arbTiny, fc.nat(511), (a, b, offset) => {
        const [inA, inB] = [members(a), members(b)]
        const address: Address = { family: 4, value: 0x0a000000n + BigInt(offset) }
        expect(containsAddress(a, address)).toBe(inA.has(address.value))
        expect(containsCidr(a, b)).toBe([...inB].every((value) => inA.has(value)))
        expect(overlaps(a, b)).toBe([...inB].some((value) => inA.has(value)))
      }),
    )
  })

  it('overlaps both ways or not at all, itself always, another family never', () => {
    fc.assert(
      fc.property(arbCidr, arbCidr, (a, b) => {
        expect(overlaps(a, b)).toBe(overlaps(b, a))
        expect(overlaps(a, a)).toBe(true)
        if (a.family !== b.family) expect(overlaps(a, b)).toBe(false)
        expect(containsAddress(a, firstAddress(a)) && containsAddress(a, lastAddress(a))).toBe(true)
      }),
    )
  })
})
