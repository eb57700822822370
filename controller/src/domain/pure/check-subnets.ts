/**
 * Whether subnets may be what a request wants them to be: by the rules of addressing, and beside everything else that
 * the cluster and its hosts already have. Pure; throws before anything is changed.
 */
import {
  type Address,
  type Cidr,
  cidrSize,
  containsAddress,
  containsCidr,
  formatAddress,
  formatCidr,
  overlaps,
  parseAddress,
  parseCidr,
  parseInterfaceAddress,
  type SubnetRequest,
  sameAddress,
  WeftError,
} from '@weft/shared'
import { ruledOut } from './subnet-pool.ts'
import type { ClusterView } from './view.ts'

/** A subnet as it will be made. */
export interface SubnetPlan {
  readonly cidr: Cidr
  readonly gateway: Address
  readonly ipRange?: Cidr
  readonly auxAddresses: Readonly<Record<string, Address>>
}

/** Ranges that no network may be in: they mean something else to every kernel. */
const SPECIAL: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', '"this network" (RFC 1122)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['169.254.0.0/16', 'link-local (RFC 3927)'],
  ['224.0.0.0/3', 'multicast and reserved (RFC 5771, RFC 1112)'],
  ['::/16', 'unspecified, loopback and mapped addresses (RFC 4291)'],
  ['fe80::/10', 'link-local (RFC 4291)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
]

/** Checks one requested subnet by itself and fills in its gateway. Throws `invalid`. */
export function planSubnet(request: SubnetRequest, aux: Readonly<Record<string, Address>>): SubnetPlan {
  const cidr = parseCidr(request.subnet)
  checkSize(cidr)
  const special = SPECIAL.find(([range]) => overlaps(parseCidr(range), cidr))
  if (special !== undefined)
    throw bad(
      'subnet is in a special range',
      formatCidr(cidr),
      `${special[0]} is ${special[1]}`,
      cidr.family === 4 ? 'choose a private one, like 10.30.0.0/24' : 'choose a private one, like fd30::/64',
    )
  const auxAddresses = Object.fromEntries(Object.entries(aux).filter(([, address]) => containsAddress(cidr, address)))
  for (const [name, address] of Object.entries(auxAddresses)) checkUsable(cidr, address, `auxiliary address "${name}"`)
  const gateway = request.gateway === undefined ? firstFree(cidr, auxAddresses) : parseAddress(request.gateway)
  checkUsable(cidr, gateway, 'gateway')
  const clash = Object.entries(auxAddresses).find(([, address]) => sameAddress(address, gateway))
  if (clash !== undefined) {
    const why = `"${clash[0]}" names the same address`
    throw bad('gateway is an auxiliary address too', formatAddress(gateway), why, 'give each an address of its own')
  }
  const ipRange = request.ipRange === undefined ? undefined : parseCidr(request.ipRange)
  if (ipRange !== undefined && !containsCidr(cidr, ipRange)) {
    const inside = formatCidr(cidr)
    throw bad(
      'IP range is outside the subnet',
      formatCidr(ipRange),
      `the subnet is ${inside}`,
      `choose a part of ${inside}`,
    )
  }
  return { cidr, gateway, auxAddresses, ...(ipRange === undefined ? {} : { ipRange }) }
}

/** Checks what a request says of all its subnets together. Throws `invalid`. */
export function checkTogether(plans: readonly SubnetPlan[], aux: Readonly<Record<string, Address>>): void {
  for (const [index, plan] of plans.entries()) {
    const other = plans.slice(0, index).find((earlier) => overlaps(earlier.cidr, plan.cidr))
    if (other === undefined) continue
    const why = `it overlaps ${formatCidr(other.cidr)}`
    throw bad('subnets of one request overlap', formatCidr(plan.cidr), why, 'part them, or give the larger one only')
  }
  const seen = new Map<string, string>()
  for (const [name, address] of Object.entries(aux)) {
    const text = formatAddress(address)
    if (!plans.some((plan) => containsAddress(plan.cidr, address))) {
      const subnets = plans.map((plan) => formatCidr(plan.cidr)).join(', ')
      const why = `its subnets are ${subnets}`
      throw bad(`auxiliary address "${name}" is outside the network`, text, why, 'choose one inside, or add its subnet')
    }
    const twin = seen.get(text)
    if (twin !== undefined)
      throw bad('auxiliary address named twice', text, `by "${twin}" and "${name}"`, 'give it one name')
    seen.set(text, name)
  }
}

/** A range that is taken, and by whom, in words. */
export interface Occupied {
  readonly cidr: Cidr
  readonly by: string
  readonly remedy: string
}

/**
 * Everything in the cluster that a new subnet must not overlap: other networks' subnets, and the hosts' routes and
 * addresses.
 *
 * @param except ranges of a host that are no obstacle
 */
export function occupiedRanges(view: ClusterView, except: (host: string, cidr: Cidr) => boolean): Occupied[] {
  const subnets = [...view.subnets.values()].map(({ value }): Occupied => {
    const name = view.networks.get(value.network)?.value.name ?? value.network
    return { cidr: parseCidr(value.cidr), by: `${value.cidr} of network ${name}`, remedy: 'choose another subnet' }
  })
  return [...subnets, ...[...view.facts.keys()].sort().flatMap((host) => rangesOfHost(view, host, except))]
}

function rangesOfHost(view: ClusterView, host: string, except: (host: string, cidr: Cidr) => boolean): Occupied[] {
  const facts = view.facts.get(host)?.value.facts
  if (facts === undefined) return []
  const remedy = 'choose another subnet; containers in this one could not reach what is there'
  const routes = facts.routes.map(
    (route): Occupied => ({ cidr: rangeOf(route), by: `the route ${route} of host ${host}`, remedy }),
  )
  const addresses = facts.interfaces.flatMap((link) =>
    link.addresses.map(
      (text): Occupied => ({ cidr: rangeOf(text), by: `the address ${text} on ${link.name} of host ${host}`, remedy }),
    ),
  )
  return [...routes, ...addresses].filter(({ cidr }) => !everywhere(cidr) && !except(host, cidr))
}

/**
 * Loopback and link-local ranges are on every host and in no network's way; nor are default routes, a VPN's two halves
 * (0.0.0.0/1, 128.0.0.0/1) included.
 */
function everywhere(cidr: Cidr): boolean {
  return cidr.prefixLength <= 1 || SPECIAL.some(([range]) => containsCidr(parseCidr(range), cidr))
}

/** The range behind a route or an interface's address; a bare address is its own. */
export function rangeOf(text: string): Cidr {
  const { address, prefixLength } = parseInterfaceAddress(
    text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`,
  )
  const hostBits = BigInt((address.family === 4 ? 32 : 128) - prefixLength)
  return { family: address.family, base: (address.value >> hostBits) << hostBits, prefixLength }
}

/** Refuses a subnet that overlaps something. Throws `conflict` naming it. */
export function checkFree(cidr: Cidr, occupied: readonly Occupied[]): void {
  const other = occupied.find((range) => overlaps(range.cidr, cidr))
  if (other === undefined) return
  throw new WeftError('conflict', {
    what: 'subnet overlaps',
    on: formatCidr(cidr),
    why: `it overlaps ${other.by}`,
    remedy: other.remedy,
  })
}

function checkSize(cidr: Cidr): void {
  const longest = cidr.family === 4 ? 30 : 126
  if (cidr.prefixLength >= 1 && cidr.prefixLength <= longest) return
  throw bad(
    'subnet has an unusable size',
    formatCidr(cidr),
    cidr.prefixLength === 0
      ? 'it is the whole internet'
      : `none of its ${cidrSize(cidr)} addresses is left for a container`,
    `use a prefix length from 1 to ${longest}`,
  )
}

function checkUsable(cidr: Cidr, address: Address, what: string): void {
  const text = formatAddress(address)
  if (!containsAddress(cidr, address))
    throw bad(
      `${what} is outside the subnet`,
      text,
      `the subnet is ${formatCidr(cidr)}`,
      `choose one of ${formatCidr(cidr)}`,
    )
  const ruled = ruledOut(cidr).find((reserved) => sameAddress(reserved.address, address))
  if (ruled === undefined) return
  const why = `it is the ${ruled.purpose} address of ${formatCidr(cidr)}`
  throw bad(`${what} cannot be used`, text, why, `choose another address of ${formatCidr(cidr)}`)
}

/** Docker's habit: the first address that is not otherwise spoken for. */
function firstFree(cidr: Cidr, aux: Readonly<Record<string, Address>>): Address {
  const taken = new Set([
    ...ruledOut(cidr).map(({ address }) => address.value),
    ...Object.values(aux).map((a) => a.value),
  ])
  let value = cidr.base
  while (taken.has(value)) value++
  return { family: cidr.family, value }
}

function bad(what: string, on: string, why: string, remedy: string): WeftError {
  return new WeftError('invalid', { what, on, why, remedy })
}
