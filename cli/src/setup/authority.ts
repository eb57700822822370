/** The cluster's CA and the server certificate of one controller, as files of mode 0600 in one folder. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { makeCertificate } from './certificate.ts'
import { writePrivate } from './files.ts'

export interface Authority {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  /** SHA-256 of the CA's certificate, lower-case hex. */
  readonly caPin: string
}

const YEARS = 10
/** A host whose clock is this far behind still takes a new certificate. */
const BACKDATED_MS = 24 * 3_600_000

export function authorityFiles(folder: string): Omit<Authority, 'caPin'> {
  const file = (name: string) => path.join(folder, name)
  return { caFile: file('ca.crt'), certFile: file('server.crt'), keyFile: file('server.key') }
}

/**
 * Makes what is not there: the CA once, and the server's certificate when there is none, when it does not cover `names`
 * (addresses and DNS names), or when less than a third of its life is left. A CA that is there is kept: hosts have pinned it.
 * @throws `invalid` when the CA's files do not belong together
 */
export function ensureAuthority(folder: string, names: readonly string[], now: Date): Authority {
  const files = authorityFiles(folder)
  const ca = ensureCa(files.caFile, path.join(folder, 'ca.key'), now)
  if (!covers(files, names, now)) issue(files, ca, names, now)
  return { ...files, caPin: pinOf(ca.certificate) }
}

/**
 * Makes the server's certificate and key anew, with the CA that is there: hosts that have pinned it notice nothing.
 * @returns until when it is valid
 * @throws `invalid` when the CA's key is not there, or it expires itself before long
 */
export function renewCertificate(folder: string, names: readonly string[], now: Date): Date {
  const files = authorityFiles(folder)
  const keyFile = path.join(folder, 'ca.key')
  if (!fs.existsSync(keyFile)) throw broken(files.caFile, `${keyFile} is gone`)
  const ca = ensureCa(files.caFile, keyFile, now)
  if (isDue(ca.certificate, now)) throw broken(files.caFile, `it is valid until ${ca.certificate.validTo} only`)
  issue(files, ca, names, now)
  return new Date(new X509Certificate(fs.readFileSync(files.certFile)).validTo)
}

type Ca = ReturnType<typeof ensureCa>

function issue(files: Omit<Authority, 'caPin'>, ca: Ca, names: readonly string[], now: Date): void {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const wanted = validity(now)
  const caEnds = new Date(ca.certificate.validTo)
  const server = makeCertificate({
    ...{ subject: 'weft controller', issuer: ca.subject, publicKey, serial: randomBytes(16), names, ...wanted },
    ...{ issuerPublicKey: createPublicKey(ca.key), issuerPrivateKey: ca.key },
    notAfter: caEnds < wanted.notAfter ? caEnds : wanted.notAfter,
  })
  writePrivate(files.keyFile, pem(privateKey))
  // The CA goes with it, so that a host that joins can see what it has pinned.
  writePrivate(files.certFile, server + ca.certificate.toString())
}

/** Less than a third of its life is left. */
export function isDue(certificate: X509Certificate, now: Date): boolean {
  const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  return until - now.getTime() < (until - from) / 3
}

/** Addresses and DNS names that a certificate is for (RFC 5280 4.2.1.6, as Node prints them). */
export function namesOf(certificate: X509Certificate): string[] {
  const entries = (certificate.subjectAltName ?? '').split(', ')
  return entries.flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? [])
}

/** SHA-256 of a certificate, lower-case hex. */
export function pinOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

function ensureCa(certFile: string, keyFile: string, now: Date) {
  if (!fs.existsSync(keyFile)) {
    if (fs.existsSync(certFile)) throw broken(certFile, `${keyFile} is gone`)
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const serial = randomBytes(16)
    // Two clusters' CAs have two names, so that a wrong one is told by name.
    const subject = `weft CA ${serial.subarray(0, 4).toString('hex')}`
    const certificate = makeCertificate({
      ...{ subject, issuer: subject, publicKey, serial, ...validity(now) },
      ...{ issuerPublicKey: publicKey, issuerPrivateKey: privateKey },
    })
    // The certificate first: a key without one cannot tell its name.
    writePrivate(certFile, certificate)
    writePrivate(keyFile, pem(privateKey))
  }
  const key = createPrivateKey(fs.readFileSync(keyFile))
  const certificate = new X509Certificate(fs.readFileSync(certFile))
  if (!certificate.checkPrivateKey(key)) throw broken(certFile, `${keyFile} is not its key`)
  return { key, certificate, subject: certificate.subject.replace(/^CN=/, '') }
}

function broken(file: string, why: string): WeftError {
  const remedy = 'restore both from a backup; or remove both for a new CA, with which every host must join anew'
  return new WeftError('invalid', { what: 'CA of the cluster', on: file, why, remedy })
}

function covers({ certFile, keyFile, caFile }: Omit<Authority, 'caPin'>, names: readonly string[], now: Date): boolean {
  if (!fs.existsSync(certFile) || !fs.existsSync(keyFile)) return false
  const certificate = new X509Certificate(fs.readFileSync(certFile))
  const issued = certificate.verify(new X509Certificate(fs.readFileSync(caFile)).publicKey)
  const ours = certificate.checkPrivateKey(createPrivateKey(fs.readFileSync(keyFile)))
  const named = (name: string) =>
    (net.isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined
  return issued && ours && names.every(named) && !isDue(certificate, now)
}

function validity(now: Date): { readonly notBefore: Date; readonly notAfter: Date } {
  const notAfter = new Date(now)
  notAfter.setUTCFullYear(now.getUTCFullYear() + YEARS)
  return { notBefore: new Date(now.getTime() - BACKDATED_MS), notAfter }
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
