/** Text nobody can guess: ids, secrets. */
import { randomBytes } from 'node:crypto'

const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz'

/** Lower-case base32 of the given length, five bits a character. */
export function secureRandomText(length: number): string {
  return [...randomBytes(length)].map((byte) => BASE32[byte & 31]).join('')
}
