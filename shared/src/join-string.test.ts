import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeJoinString, encodeJoinString, type JoinInfo } from './join-string.ts'
import { isLoopbackHost } from './loopback.ts'

const INFO: JoinInfo = {
  controllers: ['10.0.0.1:7474', '[fd00::1]:7474', 'controller1.example:7474'],
  nats: ['10.0.0.1:4222'],
  caPin: 'ab'.repeat(32),
  secret: 'abcdefghijklmnopqrstuvwxyz_-0123456789ABCD',
}
const TEXT = encodeJoinString(INFO)

describe('join string', () => {
  it('is one word that holds everything', () => {
    expect(TEXT).toMatch(/^WEFT1-[A-Za-z0-9_-]+$/)
    expect(decodeJoinString(TEXT)).toEqual(INFO)
  })

  it('has the CRC-32 that everybody else computes', () => {
    // zlib's crc32 of the bytes before the last dash, so that other tools can check a string.
    const { crc32 } = process.getBuiltinModule('node:zlib')
    expect(TEXT.slice(-8)).toBe(crc32(TEXT.slice(0, -9)).toString(16).padStart(8, '0'))
  })

  it('notices any single character changed, dropped, doubled or swapped with its neighbour', () => {
    const at = fc.nat(TEXT.length - 1)
    const char = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ .\n')
    const wrong = fc.oneof(
      fc.tuple(at, char).map(([i, c]) => TEXT.slice(0, i) + c + TEXT.slice(i + 1)),
      at.map((i) => TEXT.slice(0, i) + TEXT.slice(i + 1)),
      at.map((i) => TEXT.slice(0, i) + TEXT[i] + TEXT.slice(i)),
      at.map((i) => TEXT.slice(0, i) + TEXT.slice(i + 1, i + 2) + TEXT[i] + TEXT.slice(i + 2)),
      at.map((i) => TEXT.slice(0, i)),
    )
    fc.assert(
      fc.property(wrong, (text) => {
        fc.pre(text !== TEXT)
        expect(() => decodeJoinString(text)).toThrow(/not a join string/)
      }),
      { numRuns: 3_000 },
    )
  })

  it('notices every change of every single character', () => {
    for (let i = 0; i < TEXT.length; i++)
      for (const c of 'Aa0-_Z9f')
        if (TEXT[i] !== c) expect(() => decodeJoinString(TEXT.slice(0, i) + c + TEXT.slice(i + 1))).toThrow()
  })

  it('does not show the secret when it refuses', () => {
    expect(() => decodeJoinString(`${TEXT}x`)).toThrow(expect.not.stringContaining(TEXT.slice(20, 40)) as never)
  })

  it.each([
    ['no controller', { ...INFO, controllers: [] }],
    ['an address that is none', { ...INFO, nats: ['10.0.0.1'] }],
    ['a short pin', { ...INFO, caPin: 'ab' }],
    ['a secret with a space', { ...INFO, secret: 'abcdefgh ijklmnopqrstuv' }],
  ])('does not carry %s', (_, info) => {
    expect(() => encodeJoinString(info)).toThrow()
  })
})

describe('loopback', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost'])('%s', (host) => {
    expect(isLoopbackHost(host)).toBe(true)
  })
  it.each(['0.0.0.0', '::', '10.127.0.0', '127.example.com', '128.0.0.1', 'localhost.example'])('not %s', (host) => {
    expect(isLoopbackHost(host)).toBe(false)
  })
})
