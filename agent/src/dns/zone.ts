/** The names of one network, made to be asked. Pure. */
import { type Address, formatAddress, parseAddress } from '@weft/shared'
import type { NamesFile } from './names.ts'

export interface Zone {
  /** The network's name, which may stand behind any name of it. */
  readonly suffix: string
  /** Lower-case name -> addresses of all endpoints that have it. */
  readonly addresses: ReadonlyMap<string, readonly Address[]>
  /** Canonical address -> container name. */
  readonly pointers: ReadonlyMap<string, string>
}

export function makeZone({ name, endpoints }: NamesFile['networks'][number]): Zone {
  const addresses = new Map<string, Address[]>()
  const pointers = new Map<string, string>()
  for (const endpoint of endpoints) {
    const parsed = endpoint.addresses.map(parseAddress)
    for (const key of new Set(endpoint.names.map((each) => each.toLowerCase()))) {
      const known = addresses.get(key)
      if (known === undefined) addresses.set(key, [...parsed])
      else known.push(...parsed)
    }
    for (const address of parsed) pointers.set(formatAddress(address), endpoint.names[0] ?? '')
  }
  return { suffix: name.toLowerCase(), addresses, pointers }
}

/** What a sandbox hears: `ours` (perhaps without an address), `none` (ours to deny), or somebody else's business. */
export type Found<T> =
  | { readonly kind: 'ours'; readonly found: T }
  | { readonly kind: 'none' }
  | { readonly kind: 'other' }

/**
 * Addresses of a name in the networks of a sandbox. Several networks may have it: the first that has the family answers,
 * as with Docker. A name right below a network's own that nobody has is denied: no other resolver could know it.
 */
export function findAddresses(
  zones: readonly Zone[],
  name: string,
  family: 4 | 6 | undefined,
): Found<readonly Address[]> {
  let known = false
  for (const zone of zones) {
    const all = zone.addresses.get(name) ?? zone.addresses.get(belowSuffix(zone, name) ?? '')
    if (all === undefined) continue
    known = true
    const found = all.filter((address) => address.family === family)
    if (found.length > 0) return { kind: 'ours', found }
  }
  if (known) return { kind: 'ours', found: [] }
  return { kind: zones.some((zone) => belowSuffix(zone, name) !== undefined) ? 'none' : 'other' }
}

/** `web.mynet` of an address. */
export function findPointer(zones: readonly Zone[], address: Address): string | undefined {
  const text = formatAddress(address)
  for (const { pointers, suffix } of zones) {
    const name = pointers.get(text)
    if (name !== undefined) return `${name}.${suffix}`
  }
  return undefined
}

function belowSuffix({ suffix }: Zone, name: string): string | undefined {
  return name.endsWith(`.${suffix}`) ? name.slice(0, -suffix.length - 1) : undefined
}

/** The address that a PTR question is about (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function pointedAt(name: string): Address | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name)
  if (v4 !== null) return orNone(v4.slice(1).reverse().join('.'))
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1]
  if (v6 === undefined) return undefined
  const digits = v6.replaceAll('.', '').split('').reverse().join('')
  return { family: 6, value: BigInt(`0x${digits}`) }
}

function orNone(text: string): Address | undefined {
  try {
    return parseAddress(text)
  } catch {
    return undefined
  }
}
