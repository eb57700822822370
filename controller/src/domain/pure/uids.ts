import { type Hash128, hash128, UID_LENGTH } from '@weft/shared'

const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz'

/**
 * The identity of what a request makes, derived from the request: a repeated request finds the record of the first under
 * the same key, without an index of requests.
 *
 * @param parts who asked, for what, and the request id
 */
export function uidOf(...parts: readonly string[]): string {
  const hash: Hash128 = hash128(parts.join(' '))
  let value = hash.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
  let text = ''
  while (text.length < UID_LENGTH) {
    text += BASE32[Number(value & 31n)]
    value >>= 5n
  }
  return text
}
