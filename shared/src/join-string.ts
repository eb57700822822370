/**
 * The join string: all that a host needs to know to join a cluster, in one word that survives copy and paste.
 * `WEFT1-BODY-CRC`: the body is JSON in base64url (RFC 4648 section 5), the end a CRC-32 of all before it in hex, which
 * finds every change within 32 bits, and so of any single character.
 */
import { z } from 'zod'
import { WeftError } from './errors.ts'
import { parseJsonWith, parseWith } from './validate.ts'

/** `HOST:PORT`, `[IPv6]:PORT` or `NAME:PORT`. */
const HostPortText = z.string().regex(/^(?:\[[0-9a-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):[1-9]\d{0,4}$/)

export const JoinInfo = z.strictObject({
  /** Where controllers serve HTTPS. */
  controllers: z.array(HostPortText).min(1).max(8),
  /** Where NATS serves with TLS. */
  nats: z.array(HostPortText).min(1).max(8),
  /** SHA-256 of the cluster CA's certificate (DER), lower-case hex. */
  caPin: z.string().regex(/^[0-9a-f]{64}$/),
  /** What controllers and agents share. */
  secret: z.string().regex(/^[A-Za-z0-9_-]{16,256}$/),
})
export type JoinInfo = z.infer<typeof JoinInfo>

const PREFIX = 'WEFT1-'

export function encodeJoinString(info: JoinInfo): string {
  const bytes = new TextEncoder().encode(JSON.stringify(parseWith(JoinInfo, info, 'join string')))
  const body = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
  return `${PREFIX}${body}-${crc32(`${PREFIX}${body}`)}`
}

/** @throws `invalid` when anything is missing, added or changed; the string itself, being a secret, is not shown. */
export function decodeJoinString(text: string): JoinInfo {
  const refuse = (why: string) =>
    new WeftError('invalid', {
      what: 'not a join string',
      on: `${text.length} characters`,
      why,
      remedy: 'print it again on the controller (weft controller join-string) and paste all of it',
    })
  if (!text.startsWith(PREFIX)) throw refuse(`it does not begin with ${PREFIX}`)
  const [, body, sum] = /^WEFT1-([A-Za-z0-9_-]+)-([0-9a-f]{8})$/.exec(text) ?? []
  if (body === undefined) throw refuse('it was cut off, or holds a character that does not belong')
  if (crc32(`${PREFIX}${body}`) !== sum) throw refuse('its checksum does not match: a part is missing or was changed')
  const bytes = Uint8Array.from(atob(body.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  return parseJsonWith(JoinInfo, new TextDecoder().decode(bytes), 'join string')
}

/** CRC-32 of ASCII text as in zlib and Ethernet (ISO 3309), eight hex digits. */
function crc32(text: string): string {
  let crc = 0xffffffff
  for (let index = 0; index < text.length; index++) {
    crc ^= text.charCodeAt(index)
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (~crc >>> 0).toString(16).padStart(8, '0')
}
