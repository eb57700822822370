import { execFileSync } from 'node:child_process'
import { createPublicKey, X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { type Authority, ensureAuthority, isDue, namesOf, renewCertificate } from './authority.ts'
import { oid, time, unsigned } from './der.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-authority-'))
afterAll(() => fs.rmSync(folder, { recursive: true }))
const NOW = new Date('2026-11-21T10:00:00.123Z')
const NAMES = ['192.0.2.10', 'fd00::10', 'controller1.example', 'localhost', '127.0.0.1']
const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const read = (file: string) => new X509Certificate(fs.readFileSync(file))

describe('the CA and the certificate', () => {
  const made: Authority = ensureAuthority(folder, NAMES, NOW)

  it('stand before the strictest judge that there is', () => {
    const args = ['-x509_strict', '-check_ss_sig', '-purpose', 'sslserver', '-verify_ip', '192.0.2.10']
    expect(openssl('verify', '-CAfile', made.caFile, ...args, made.certFile)).toContain('OK')
    expect(openssl('verify', '-CAfile', made.caFile, '-verify_ip', 'fd00::10', made.certFile)).toContain('OK')
    expect(() => openssl('verify', '-CAfile', made.caFile, '-verify_ip', '192.0.2.11', made.certFile)).toThrow()
    expect(() => openssl('verify', '-CAfile', made.caFile, '-purpose', 'sslclient', made.certFile)).toThrow()
  })

  it('is made anew when a third of its life is left, by the same CA and for the same names', () => {
    const aging = fs.mkdtempSync(path.join(folder, '..', 'weft-authority-'))
    const first = ensureAuthority(aging, NAMES, NOW)
    const before = read(first.certFile)
    const later = new Date(NOW)
    later.setUTCFullYear(NOW.getUTCFullYear() + 6)
    expect(isDue(before, later)).toBe(false)
    expect(namesOf(before)).toEqual([
      '192.0.2.10',
      'FD00:0:0:0:0:0:0:10',
      'controller1.example',
      'localhost',
      '127.0.0.1',
    ])
    const until = renewCertificate(aging, namesOf(before), later)
    const after = read(first.certFile)
    expect(after.serialNumber).not.toBe(before.serialNumber)
    expect(namesOf(after)).toEqual(namesOf(before))
    // No longer than its CA.
    expect(until.toISOString()).toBe(new Date(read(first.caFile).validTo).toISOString())
    const at = ['-attime', String(Math.round(later.getTime() / 1000))]
    const verify = ['verify', ...at, '-CAfile', first.caFile, '-verify_ip', '192.0.2.10', first.certFile]
    expect(openssl(...verify)).toContain('OK')
    expect(ensureAuthority(aging, NAMES, later).caPin).toBe(first.caPin)
    later.setUTCFullYear(NOW.getUTCFullYear() + 7)
    expect(() => renewCertificate(aging, NAMES, later)).toThrow(/valid until.*every host must join anew/)
    fs.rmSync(path.join(aging, 'ca.key'))
    expect(() => renewCertificate(aging, NAMES, NOW)).toThrow(/ca\.key is gone/)
    fs.rmSync(aging, { recursive: true })
  })

  it('say what they are for', () => {
    const text = openssl('x509', '-in', made.certFile, '-noout', '-text')
    expect(text).toContain('ecdsa-with-SHA256')
    expect(text).toContain('prime256v1')
    expect(text).toContain('TLS Web Server Authentication')
    expect(text).toContain(
      'IP Address:192.0.2.10, IP Address:FD00:0:0:0:0:0:0:10, DNS:controller1.example, DNS:localhost',
    )
    const ca = openssl('x509', '-in', made.caFile, '-noout', '-text')
    expect(ca).toContain('CA:TRUE, pathlen:0')
    expect(ca).toContain('Certificate Sign, CRL Sign')
    expect(read(made.certFile).validFromDate).toEqual(new Date('2026-11-20T10:00:00Z'))
    expect(read(made.certFile).validToDate).toEqual(new Date('2036-11-21T10:00:00Z'))
  })

  it('lie in files that only root reads', () => {
    for (const file of fs.readdirSync(folder)) expect(fs.statSync(path.join(folder, file)).mode & 0o777).toBe(0o600)
    expect(fs.readdirSync(folder).sort()).toEqual(['ca.crt', 'ca.key', 'server.crt', 'server.key'])
  })

  it('are kept, and a server that moved gets a new certificate of the same CA', () => {
    const before = fs.readFileSync(made.certFile, 'utf8')
    expect(ensureAuthority(folder, NAMES.slice(1), NOW)).toEqual(made)
    expect(fs.readFileSync(made.certFile, 'utf8')).toBe(before)
    expect(ensureAuthority(folder, ['192.0.2.99'], NOW)).toEqual(made)
    expect(read(made.certFile).checkIP('192.0.2.99')).toBe('192.0.2.99')
    expect(read(made.certFile).verify(createPublicKey(fs.readFileSync(made.caFile)))).toBe(true)
  })

  it('refuse to go on with half a CA', () => {
    const half = path.join(folder, 'half')
    ensureAuthority(half, ['192.0.2.1'], NOW)
    fs.rmSync(path.join(half, 'ca.key'))
    expect(() => ensureAuthority(half, ['192.0.2.1'], NOW)).toThrow(/ca\.key is gone.*restore both/)
    fs.copyFileSync(path.join(folder, 'ca.key'), path.join(half, 'ca.key'))
    expect(() => ensureAuthority(half, ['192.0.2.1'], NOW)).toThrow(/ca\.key is not its key/)
  })
})

describe('DER', () => {
  it('writes numbers as short as they go, and never as negative ones', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }), fc.nat(4), (value, zeros) => {
        const hex = value.toString(16)
        const bytes = Buffer.from('00'.repeat(zeros) + (hex.length % 2 ? `0${hex}` : hex), 'hex')
        const [, length = 0, ...body] = unsigned(bytes)
        expect(body.length).toBe(length)
        expect(BigInt(`0x${Buffer.from(body).toString('hex')}`)).toBe(value)
        expect((body[0] ?? 0) & 0x80).toBe(0)
        if (body.length > 1 && body[0] === 0) expect((body[1] ?? 0) & 0x80).toBe(0x80)
      }),
    )
  })

  it('writes object identifiers and times as RFC 5280 shows them', () => {
    expect(oid('1.2.840.10045.4.3.2').toString('hex')).toBe('06082a8648ce3d040302')
    expect(oid('2.5.29.17').toString('hex')).toBe('0603551d11')
    expect(time(new Date('2049-12-31T23:59:59Z')).toString('latin1', 2)).toBe('491231235959Z')
    expect(time(new Date('2050-01-01T00:00:00Z')).toString('latin1', 2)).toBe('20500101000000Z')
  })
})
