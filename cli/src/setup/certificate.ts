/**
 * The two certificates of a cluster (RFC 5280): a CA that signs itself, and a server's that it signs. Keys and signatures
 * are Node's (OpenSSL's); what is written here is only the envelope (docs/adr/0008-certificates.md).
 */
import { createHash, type KeyObject, sign, X509Certificate } from 'node:crypto'
import net from 'node:net'
import { addressToHex, parseAddress } from '@weft/shared'
import { bits, octets, oid, sequence, set, TRUE, time, tlv, unsigned, utf8 } from './der.ts'

export interface CertificateRequest {
  readonly subject: string
  readonly issuer: string
  /** The key that is certified. */
  readonly publicKey: KeyObject
  /** The issuer's keys, P-256. */
  readonly issuerPublicKey: KeyObject
  readonly issuerPrivateKey: KeyObject
  /** Sixteen random bytes. */
  readonly serial: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** Undefined makes a CA; otherwise a server that is reached by these addresses and DNS names. */
  readonly names?: readonly string[]
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))

/** The certificate in PEM. */
export function makeCertificate(request: CertificateRequest): string {
  const version3 = tlv(0xa0, unsigned(Buffer.from([2])))
  // A serial is positive and has 20 bytes at most (RFC 5280 4.1.2.2).
  const serial = unsigned(Buffer.concat([Buffer.from([0x01]), request.serial]))
  const validity = sequence(time(request.notBefore), time(request.notAfter))
  const body = sequence(
    ...[version3, serial, ECDSA_SHA256, name(request.issuer), validity, name(request.subject)],
    ...[spki(request.publicKey), tlv(0xa3, sequence(...extensions(request)))],
  )
  const der = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, request.issuerPrivateKey)))
  return new X509Certificate(der).toString()
}

function extensions({ names, publicKey, issuerPublicKey }: CertificateRequest): Buffer[] {
  const subjectKey = extension('2.5.29.14', octets(keyId(publicKey)))
  const authorityKey = extension('2.5.29.35', sequence(tlv(0x80, keyId(issuerPublicKey))))
  if (names === undefined) {
    // pathLenConstraint 0: it signs end entities only; keyCertSign and cRLSign.
    const constraints = extension('2.5.29.19', sequence(TRUE, unsigned(Buffer.from([0]))), 'critical')
    return [constraints, extension('2.5.29.15', bits(Buffer.from([0x06]), 1), 'critical'), subjectKey, authorityKey]
  }
  return [
    extension('2.5.29.19', sequence(), 'critical'),
    extension('2.5.29.15', bits(Buffer.from([0x80]), 7), 'critical'),
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', sequence(...names.map(generalName))),
    subjectKey,
    authorityKey,
  ]
}

function extension(id: string, value: Buffer, critical?: 'critical'): Buffer {
  return sequence(oid(id), ...(critical === undefined ? [] : [TRUE]), octets(value))
}

/** An address as its bytes ([7]), anything else as a DNS name ([2]). */
function generalName(text: string): Buffer {
  if (net.isIP(text) === 0) return tlv(0x82, Buffer.from(text, 'ascii'))
  return tlv(0x87, Buffer.from(addressToHex(parseAddress(text)), 'hex'))
}

function name(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))))
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** RFC 7093 section 2, method 4: 160 bits of the SHA-256 of the whole SubjectPublicKeyInfo. */
function keyId(key: KeyObject): Buffer {
  return createHash('sha256').update(spki(key)).digest().subarray(0, 20)
}
