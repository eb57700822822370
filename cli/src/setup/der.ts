/** The few words of DER (ITU-T X.690) of which a certificate is made. Written only, never read: Node reads. */

type Bytes = Uint8Array

/** Tag, length in its shortest form, contents. */
export function tlv(tag: number, ...contents: readonly Bytes[]): Buffer {
  const body = Buffer.concat(contents)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const digits: number[] = []
  for (let rest = body.length; rest > 0; rest >>>= 8) digits.unshift(rest & 0xff)
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length, ...digits]), body])
}

export const sequence = (...parts: readonly Bytes[]): Buffer => tlv(0x30, ...parts)
export const set = (...parts: readonly Bytes[]): Buffer => tlv(0x31, ...parts)
export const utf8 = (text: string): Buffer => tlv(0x0c, Buffer.from(text, 'utf8'))
export const octets = (...parts: readonly Bytes[]): Buffer => tlv(0x04, ...parts)
export const TRUE: Buffer = tlv(0x01, Buffer.from([0xff]))

/** A number that is not negative, from its big-endian bytes: no needless zeros in front, one where the top bit is set. */
export function unsigned(bytes: Bytes): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const trimmed = first < 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first))
  return tlv(0x02, (trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed)
}

/** `unused` bits at the end of the last byte do not count. */
export const bits = (bytes: Bytes, unused = 0): Buffer => tlv(0x03, Buffer.from([unused]), bytes)

/** `2.5.29.17` and the like. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80)
    return digits
  })
  return tlv(0x06, Buffer.from(bytes))
}

/** UTCTime until 2049, GeneralizedTime from then on, as RFC 5280 4.1.2.5 demands. Whole seconds. */
export function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '')
  return date.getUTCFullYear() < 2050
    ? tlv(0x17, Buffer.from(`${digits.slice(2)}Z`, 'ascii'))
    : tlv(0x18, Buffer.from(`${digits}Z`, 'ascii'))
}
