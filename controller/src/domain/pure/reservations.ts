/** What a reservation means for addresses, MACs and endpoints. Pure. */
import { addressToHex, parseAddress, parseCidr, type ReservationView, type SubnetSpec } from '@weft/shared'
import type { KvOp } from '../../store/kv.ts'
import { addressKeyOf, keys } from './keys.ts'
import type { EndpointRecord, HeldRecord, MacRecord, ReservationRecord, ReservedRecord, Stored } from './records.ts'
import { type ClusterView, reservationOf } from './view.ts'

interface SubnetIp {
  readonly subnet: string
  readonly ip: string
}

export function reservationView(view: ClusterView, record: ReservationRecord): ReservationView {
  const { network, name, addresses, mac, createdAt } = record
  const networkName = view.networks.get(network)?.value.name ?? network
  return {
    network: { uid: network, name: networkName },
    name,
    addresses: addresses.map(({ ip }) => ip),
    mac,
    createdAt,
  }
}

export function reservedAt(view: ClusterView, { subnet, ip }: SubnetIp): Stored<ReservedRecord> | undefined {
  return view.pools.get(subnet)?.reserved.get(hexOf(ip))
}

export function heldAt(view: ClusterView, { subnet, ip }: SubnetIp): Stored<HeldRecord> | undefined {
  return view.pools.get(subnet)?.held.get(hexOf(ip))
}

/** Whether who asks for the very address gets it: one at rest that its last host has given up. */
export function yieldsToWish({ purpose, unasked }: Pick<ReservedRecord, 'purpose' | 'unasked'>): boolean {
  return purpose === 'quarantine' && unasked !== true
}

/** The container name that an address belongs to. */
export function nameOfAddress(view: ClusterView, address: SubnetIp): string | undefined {
  const reserved = reservedAt(view, address)?.value
  return reserved?.purpose === 'name' ? reserved.label : undefined
}

/** The reservation's address of the subnet's family. */
export function addressInFamily(
  { addresses }: ReservationRecord,
  { cidr }: Pick<SubnetSpec, 'cidr'>,
): SubnetIp | undefined {
  const { family } = parseCidr(cidr)
  return addresses.find(({ ip }) => parseAddress(ip).family === family)
}

export function hasAddresses(endpoint: EndpointRecord, addresses: readonly SubnetIp[]): boolean {
  return addresses.every(({ ip }) => endpoint.addresses.some((own) => own.ip === ip))
}

/**
 * True when the endpoint's container is to get another address at its next start: its own name has a reservation that the
 * endpoint does not match, or it has an address that belongs to another name.
 */
export function mismatched(view: ClusterView, endpoint: EndpointRecord): boolean {
  const own = reservationOf(view, endpoint.network, endpoint.name)?.value
  if (own !== undefined && (!hasAddresses(endpoint, own.addresses) || own.mac !== endpoint.mac)) return true
  return endpoint.addresses.some((address) => {
    const name = nameOfAddress(view, address)
    return name !== undefined && name !== endpoint.name
  })
}

/** The endpoint as it should be marked while the reservations are those of `view`. */
export function withMarks(view: ClusterView, endpoint: EndpointRecord): EndpointRecord {
  const { reserved: _, yields: before, ...rest } = endpoint
  const reserved = endpoint.addresses.some((address) => nameOfAddress(view, address) !== undefined)
  // Another host that asked for it asks for a stopped container's only.
  const yields = mismatched(view, endpoint) || (before === true && endpoint.state === 'detached')
  return { ...rest, ...(reserved ? { reserved } : {}), ...(yields ? { yields } : {}) }
}

/** The write that leaves a MAC to an endpoint, or to nobody, and in any case to the name that it is reserved for. */
export function macWrite(
  view: ClusterView,
  req: string,
  { network, mac }: { readonly network: string; readonly mac: string },
  endpoint?: string,
): KvOp {
  const reservation = [...(view.reservations.get(network)?.values() ?? [])].find(
    ({ value }) => value.mac === mac,
  )?.value
  return macRecordWrite(req, { network, mac }, endpoint, reservation?.name)
}

export function macRecordWrite(
  req: string,
  { network, mac }: { readonly network: string; readonly mac: string },
  endpoint: string | undefined,
  reservation: string | undefined,
): KvOp {
  const key = keys.mac(network, mac)
  if (endpoint === undefined && reservation === undefined) return { delete: key }
  const record: MacRecord = {
    v: 1,
    req,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(reservation === undefined ? {} : { reservation }),
  }
  return { put: key, value: JSON.stringify(record) }
}

/** The record by which an address belongs to a name. */
export function nameWrite(req: string, address: SubnetIp, name: string): KvOp {
  const record: ReservedRecord = { v: 1, req, purpose: 'name', label: name }
  return { put: addressKeyOf('reserved', address), value: JSON.stringify(record) }
}

function hexOf(ip: string): string {
  return addressToHex(parseAddress(ip))
}
