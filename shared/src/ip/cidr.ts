/** Subnets in CIDR notation (RFC 4632, RFC 4291 section 2.3) and the arithmetic that allocation needs. */
import { WeftError } from '../errors.ts'
import { ADDRESS_BITS, type Address, type Family, formatAddress, parseAddress } from './address.ts'

export interface Cidr {
  readonly family: Family
  /** The network address. */
  readonly base: bigint
  readonly prefixLength: number
}

/** Parses `10.0.0.0/24`; refuses set host bits by naming the subnet that was probably meant. Throws `invalid`. */
export function parseCidr(text: string): Cidr {
  const { address, prefixLength } = parseInterfaceAddress(text)
  const base = maskedBase(address, prefixLength)
  if (base !== address.value) {
    const meant = formatCidr({ family: address.family, base, prefixLength })
    throw new WeftError('invalid', {
      what: 'subnet has host bits set',
      on: text,
      why: `the address must be the first of its /${prefixLength}`,
      remedy: `write ${meant}`,
    })
  }
  return { family: address.family, base, prefixLength }
}

/** Parses an address with its prefix length, `10.0.0.7/24`, host bits allowed. Throws `invalid`. */
export function parseInterfaceAddress(text: string): { address: Address; prefixLength: number } {
  const slash = text.indexOf('/')
  const lengthText = slash < 0 ? '' : text.slice(slash + 1)
  if (slash < 0 || !/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) {
    throw new WeftError('invalid', {
      what: 'not a subnet',
      on: text,
      why: 'expected ADDRESS/PREFIXLENGTH',
      remedy: EXAMPLE,
    })
  }
  const address = addressOf(text, text.slice(0, slash))
  const prefixLength = Number(lengthText)
  if (prefixLength > ADDRESS_BITS[address.family]) {
    throw new WeftError('invalid', {
      what: 'prefix length out of range',
      on: text,
      why: `IPv${address.family} prefixes have 0 to ${ADDRESS_BITS[address.family]} bits`,
      remedy: EXAMPLE,
    })
  }
  return { address, prefixLength }
}

const EXAMPLE = 'write it like 10.0.0.0/24 or fd00::/64'

/** The address in front of the slash; its error is about the whole text. */
function addressOf(text: string, address: string): Address {
  try {
    return parseAddress(address)
  } catch (error) {
    const { parts } = WeftError.from(error)
    throw new WeftError('invalid', { ...parts, on: text, remedy: EXAMPLE })
  }
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress({ family: cidr.family, value: cidr.base })}/${cidr.prefixLength}`
}

/** How many addresses the subnet spans, its network and broadcast addresses included. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(ADDRESS_BITS[cidr.family] - cidr.prefixLength)
}

export function firstAddress(cidr: Cidr): Address {
  return { family: cidr.family, value: cidr.base }
}

export function lastAddress(cidr: Cidr): Address {
  return { family: cidr.family, value: cidr.base + cidrSize(cidr) - 1n }
}

export function containsAddress(cidr: Cidr, address: Address): boolean {
  return address.family === cidr.family && maskedBase(address, cidr.prefixLength) === cidr.base
}

export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return outer.prefixLength <= inner.prefixLength && containsAddress(outer, { family: inner.family, value: inner.base })
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return containsCidr(a, b) || containsCidr(b, a)
}

function maskedBase(address: Address, prefixLength: number): bigint {
  const hostBits = BigInt(ADDRESS_BITS[address.family] - prefixLength)
  return (address.value >> hostBits) << hostBits
}
