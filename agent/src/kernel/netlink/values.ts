/** MAC and IP addresses between text and the bytes of attributes. */
import { ADDRESS_BITS, type Address, formatAddress, parseAddress, WeftError } from '@weft/shared'

/** Throws `invalid` unless six hex octets. */
export function macBytes(mac: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) {
    throw new WeftError('invalid', { what: 'not a MAC address', on: mac, remedy: 'write it like 02:00:00:00:00:01' })
  }
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function macText(bytes: Uint8Array): string {
  let text = HEX[bytes[0] ?? 0] ?? ''
  for (let index = 1; index < bytes.length; index++) text += `:${HEX[bytes[index] ?? 0]}`
  return text
}

/** 4 or 16 bytes in network order. Throws `invalid`. */
export function addressBytes(text: string): Buffer {
  const address = parseAddress(text)
  return Buffer.from(address.value.toString(16).padStart(ADDRESS_BITS[address.family] / 4, '0'), 'hex')
}

/** Canonical text of 4 or 16 bytes. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
  return formatAddress(addressOf(bytes))
}

export function addressOf(bytes: Uint8Array): Address {
  return { family: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`) }
}

/** AF_INET or AF_INET6 of the address's bytes. */
export function familyOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? AF_INET : AF_INET6
}

export const AF_INET = 2
export const AF_INET6 = 10
export const AF_BRIDGE = 7
