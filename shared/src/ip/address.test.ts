import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WeftError } from '../errors.ts'
import { type Address, addressFromHex, addressToHex, formatAddress, parseAddress, sameAddress } from './address.ts'

const arbAddress: fc.Arbitrary<Address> = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value): Address => ({ family: 4, value })),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value): Address => ({ family: 6, value })),
  // Long runs of zeros are what RFC 5952 is about.
  fc
    .array(fc.constantFrom<bigint>(0n, 0n, 0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 })
    .map((groups): Address => ({ family: 6, value: groups.reduce((sum, group) => (sum << 16n) | group, 0n) })),
)

describe('addresses', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['10.0.0.7', '10.0.0.7'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00::00AB', 'fd00::ab'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ])('reads %s and writes %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text))).toBe(canonical)
  })

  it.each([
    ['octal', '010.0.0.1'],
    ['octal zero', '10.0.0.00'],
    ['short', '10.1'],
    ['a number', '167772161'],
    ['hexadecimal', '0x0a000001'],
    ['out of range', '10.0.0.256'],
    ['five parts', '10.0.0.0.1'],
    ['empty', ''],
    ['blank before', ' 10.0.0.1'],
    ['newline after', '10.0.0.1\n'],
    ['sign', '+10.0.0.1'],
    ['full-width digits', '１０.0.0.1'],
    ['a zone', 'fe80::1%eth0'],
    ['brackets', '[::1]'],
    ['a prefix length', '10.0.0.1/24'],
    ['two gaps', '1::2::3'],
    ['three colons', ':::'],
    ['a lone colon', ':'],
    ['colon at the end', '1:2:3:4:5:6:7:8:'],
    ['colon at the beginning', ':1:2:3:4:5:6:7:8'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['a gap for nothing', '1:2:3:4::5:6:7:8'],
    ['five digits', '12345::'],
    ['a quad in the middle', '::10.0.0.1:1'],
    ['a quad before the gap', '10.0.0.1::'],
    ['a bad quad', '::ffff:010.0.0.1'],
    ['a host name', 'localhost'],
    ['an option', '--help'],
  ])('refuses %s: %s', (_what, text) => {
    expect(() => parseAddress(text)).toThrow(WeftError)
    expect(() => parseAddress(text)).toThrow(/^\[invalid\] not an IP address: .*write it like 10\.0\.0\.7/s)
  })

  it('keeps a mapped address apart from the IPv4 address in it', () => {
    expect(sameAddress(parseAddress('::ffff:10.0.0.1'), parseAddress('10.0.0.1'))).toBe(false)
  })

  it('reads what it writes', () => {
    fc.assert(
      fc.property(arbAddress, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address)
      }),
    )
  })

  it('writes one text for one address, of at most 39 characters', () => {
    fc.assert(
      fc.property(arbAddress, (address) => {
        const text = formatAddress(address)
        expect(formatAddress(parseAddress(text.toUpperCase()))).toBe(text)
        expect(text.length).toBeLessThanOrEqual(39)
      }),
    )
  })

  it('sorts as hex as it sorts as a number', () => {
    fc.assert(
      fc.property(arbAddress, arbAddress, (a, b) => {
        expect(addressFromHex(addressToHex(a))).toEqual(a)
        fc.pre(a.family === b.family)
        expect(addressToHex(a) < addressToHex(b)).toBe(a.value < b.value)
      }),
    )
  })

  it.each(['', '0', '0a00000', '0A000001', '0x0a0001', 'g'.repeat(8)])('refuses the hex %j', (hex) => {
    expect(() => addressFromHex(hex)).toThrow(/not an address in hex/)
  })
})
