/**
 * IPv4 and IPv6 addresses as numbers. Parsing is strict (no octal, no short forms, no zone), as in RFC 4291 section
 * 2.2 and RFC 6943 section 3.1.1: `010.0.0.1`, `10.1` and `0x0a000001` are refused, because programs differ on them.
 */
import { WeftError } from '../errors.ts'

export type Family = 4 | 6

export interface Address {
  readonly family: Family
  readonly value: bigint
}

export const ADDRESS_BITS = { 4: 32, 6: 128 } as const satisfies Record<Family, number>

/** Of the text of an address or a CIDR, which is taken to be sound. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4
}

/** Parses one address; throws `invalid` with the text and the rule. */
export function parseAddress(text: string): Address {
  const value = text.includes(':') ? parse6(text) : parse4(text)
  if (value === undefined) {
    throw new WeftError('invalid', {
      what: 'not an IP address',
      on: text,
      why: 'expected four decimal numbers 0-255 without leading zeros, or IPv6 text without a zone',
      remedy: 'write it like 10.0.0.7 or fd00::7',
    })
  }
  return { family: familyOf(text), value }
}

/** The canonical text: dotted quad, or RFC 5952 for IPv6. */
export function formatAddress(address: Address): string {
  return address.family === 4 ? format4(address.value) : format6(address.value)
}

/** Fixed-width lower-case hex (8 or 32 digits), so that keys sort as addresses do. */
export function addressToHex(address: Address): string {
  return address.value.toString(16).padStart(ADDRESS_BITS[address.family] / 4, '0')
}

/** The inverse of {@link addressToHex}; the width tells the family. Throws `invalid`. */
export function addressFromHex(hex: string): Address {
  if (!/^([0-9a-f]{8}|[0-9a-f]{32})$/.test(hex)) {
    throw new WeftError('invalid', { what: 'not an address in hex', on: hex, why: 'expected 8 or 32 hex digits' })
  }
  return { family: hex.length === 8 ? 4 : 6, value: BigInt(`0x${hex}`) }
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value
}

function parse4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

function parse6(text: string): bigint | undefined {
  if (!/^[0-9a-fA-F:.]+$/.test(text)) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? groups(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const all = [...head, ...Array<number>(missing).fill(0), ...tail]
  return all.reduce((value, group) => (value << 16n) | BigInt(group), 0n)
}

function groups(text: string, mayEndInQuad: boolean): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const out: number[] = []
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const quad = index === parts.length - 1 && mayEndInQuad ? parse4(part) : undefined
      if (quad === undefined) return undefined
      out.push(Number(quad >> 16n), Number(quad & 0xffffn))
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
      out.push(Number.parseInt(part, 16))
    }
  }
  return out
}

function format4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.')
}

function format6(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(16 * (7 - index))) & 0xffffn))
  const run = longestZeroRun(parts)
  const text = (slice: number[]) => slice.map((part) => part.toString(16)).join(':')
  if (run.length < 2) return text(parts)
  return `${text(parts.slice(0, run.start))}::${text(parts.slice(run.start + run.length))}`
}

function longestZeroRun(parts: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let index = 0; index <= parts.length; index++) {
    if (parts[index] === 0) continue
    if (index - start > best.length) best = { start, length: index - start }
    start = index + 1
  }
  return best
}
