/** What a reservation is to consist of: asked-for addresses checked, the container's own taken over, gaps found. Pure. */
import { addressToHex, containsAddress, type IpReserveRequest, parseAddress, parseCidr, WeftError } from '@weft/shared'
import { checkAskedAddress } from './check-address.ts'
import { addressOfHost, heldByEndpoint, reservedAddress } from './holders.ts'
import { refuseOwnMac } from './macs.ts'
import type { EndpointRecord, NetworkRecord, ReservationRecord, Stored, SubnetRecord } from './records.ts'
import { heldAt, reservedAt, yieldsToWish } from './reservations.ts'
import { type ClusterView, endpointsOf, subnetsOf } from './view.ts'

/** An address, or the subnets of a family among which one is to be chosen. */
export type PlannedAddress =
  | { readonly subnet: string; readonly ip: string }
  | { readonly among: readonly [Stored<SubnetRecord>, ...Stored<SubnetRecord>[]] }

export interface ReservationPlan {
  /** One a family, IPv4 first. */
  readonly addresses: readonly PlannedAddress[]
  /** The MAC that was asked for, or that the container has now; undefined: to be derived. */
  readonly mac: string | undefined
  /** Endpoints of that name now. */
  readonly own: readonly Stored<EndpointRecord>[]
}

/** @throws `invalid` (a rule is broken), `conflict` (an address is another's: named) */
export function planReservation(view: ClusterView, network: NetworkRecord, request: IpReserveRequest): ReservationPlan {
  const own = endpointsOf(view, network.uid)
    .filter(({ value }) => value.name === request.name)
    .sort((a, b) => rank(a.value) - rank(b.value) || (a.value.uid < b.value.uid ? -1 : 1))
  if (request.mac !== undefined) refuseOwnMac(network, request.mac, 'leave --mac out')
  const asked = request.addresses.map((ip) => planAsked(view, network, request.name, ip))
  const addresses = ([4, 6] as const).flatMap((family): PlannedAddress[] => {
    const given = asked.filter(({ ip }) => parseAddress(ip).family === family)
    if (given.length > 1) throw twoOfOneFamily(family, given)
    const has = given[0] ?? ownAddress(own, family)
    if (has !== undefined) return [has]
    const [first, ...others] = network.subnets
      .flatMap((uid) => view.subnets.get(uid) ?? [])
      .filter(({ value }) => parseCidr(value.cidr).family === family)
    return first === undefined ? [] : [{ among: [first, ...others] }]
  })
  const holder = own.find(({ value }) =>
    addresses.every((each) => 'ip' in each && value.addresses.some(({ ip }) => ip === each.ip)),
  )
  return { addresses, mac: request.mac ?? holder?.value.mac, own }
}

/**
 * Whether the request wants what the reservation is already. Throws `conflict` when it wants something else: what belongs
 * to a name is changed by giving it up.
 */
export function checkSame(network: NetworkRecord, known: ReservationRecord, request: IpReserveRequest): void {
  const has = known.addresses.map(({ ip }) => ip)
  const other = request.addresses.find((ip) => !has.includes(ip))
  const otherMac = request.mac === undefined || request.mac === known.mac ? undefined : request.mac
  if (other === undefined && otherMac === undefined) return
  throw new WeftError('conflict', {
    what: 'container name has a reservation already',
    on: `${request.name} in network ${network.name}`,
    why: `${has.join(' and ')} with MAC ${known.mac} since ${known.createdAt}, not ${other ?? otherMac}`,
    remedy: `give it up first: weft ip release ${network.name} ${request.name}`,
  })
}

function planAsked(view: ClusterView, network: NetworkRecord, name: string, ip: string) {
  const address = parseAddress(ip)
  const subnets = subnetsOf(view, network)
  const subnet = subnets.find(({ cidr }) => containsAddress(parseCidr(cidr), address))
  if (subnet === undefined) {
    throw new WeftError('invalid', {
      what: 'address cannot be reserved',
      on: ip,
      why: `network ${network.name} has ${subnets.map(({ cidr }) => cidr).join(' and ')}`,
      remedy: 'ask for an address of these, or leave the choice to Weft',
    })
  }
  checkAskedAddress(ip, subnet)
  const host = view.hostAddresses.get(addressToHex(address))
  if (host !== undefined) throw addressOfHost(ip, host)
  const place = { subnet: subnet.uid, ip }
  const reserved = reservedAt(view, place)?.value
  if (reserved !== undefined && !yieldsToWish(reserved)) throw reservedAddress(ip, network.name, subnet.cidr, reserved)
  const holder = view.endpoints.get(heldAt(view, place)?.value.endpoint ?? '')?.value
  if (holder !== undefined && holder.name !== name) throw heldByEndpoint(ip, holder)
  return place
}

function ownAddress(own: readonly Stored<EndpointRecord>[], family: 4 | 6) {
  return own.flatMap(({ value }) => value.addresses).find(({ ip }) => parseAddress(ip).family === family)
}

/** Of several containers of one name the one that runs. */
function rank({ state }: EndpointRecord): number {
  return state === 'attached' ? 0 : 1
}

function twoOfOneFamily(family: number, given: readonly { readonly ip: string }[]): WeftError {
  return new WeftError('invalid', {
    what: 'two addresses of one family',
    on: given.map(({ ip }) => ip).join(' and '),
    why: `a container has one IPv${family} address in a network`,
    remedy: 'ask for one of them',
  })
}
