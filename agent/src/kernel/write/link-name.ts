import { INTERFACE_NAME_BYTES, WeftError } from '@weft/shared'

/** Interface names: 1 to 15 bytes, no slash, colon or white space (dev_valid_name). */
export function checkName(name: string): void {
  if (Buffer.byteLength(name) <= INTERFACE_NAME_BYTES && /^[^\s/:]+$/.test(name) && name !== '.' && name !== '..')
    return
  throw new WeftError('invalid', {
    what: 'not an interface name',
    on: name,
    why: `1 to ${INTERFACE_NAME_BYTES} bytes without white space, slash or colon`,
  })
}
