/** The address plan of a network, and addresses that belong to a container's name. */
import { z } from 'zod'
import { IpText } from '../words/address-text.ts'
import { EndpointName, Mac, RequestId, Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

/** Addresses, one a family at most, and a MAC that only the container of this name is given, on whichever host. */
export const ReservationView = z.strictObject({
  network: z.strictObject({ uid: Uid, name: z.string() }),
  name: EndpointName,
  /** IPv4 first. */
  addresses: z.array(z.string()),
  mac: Mac,
  createdAt: z.string(),
})
export type ReservationView = z.infer<typeof ReservationView>

/**
 * What an address of the plan is: its container's state, `reserved` while nobody has it, by rule the network's own, or at
 * rest after it was given back.
 */
const ADDRESS_STATES = [
  'attached',
  'detached',
  'pending',
  'reserved',
  'quarantine',
  'network',
  'broadcast',
  'anycast',
  'gateway',
  'auxiliary',
] as const
export const AddressView = z.strictObject({
  address: z.string(),
  subnet: z.string(),
  state: z.enum(ADDRESS_STATES),
  /** Container, or name of an auxiliary address; of one at rest: who had it. */
  holder: z.string().optional(),
  host: z.string().optional(),
  endpoint: Uid.optional(),
  mac: Mac.optional(),
  /** The container name that it belongs to. */
  reservedFor: EndpointName.optional(),
  /** Since when it is so, ISO 8601 in UTC; of one at rest: until when. */
  since: z.string().optional(),
  until: z.string().optional(),
})
export type AddressView = z.infer<typeof AddressView>

export const IpReserveRequest = z.strictObject({
  req: RequestId,
  name: EndpointName,
  /** One a family at most; a family of the network that is left out gets the container's own or the next free one. */
  addresses: z.array(IpText).max(8),
  mac: Mac.optional(),
})
export type IpReserveRequest = z.infer<typeof IpReserveRequest>

export const IP_OPERATIONS = {
  ipList: {
    method: 'GET',
    path: '/v1/networks/:ref/addresses',
    params: z.strictObject({ ref: Ref }),
    reply: z.array(AddressView),
  },
  ipReserve: {
    method: 'POST',
    path: '/v1/networks/:ref/reservations',
    params: z.strictObject({ ref: Ref }),
    body: IpReserveRequest,
    reply: ReservationView,
  },
  /** `what` is the container's name, or one of the addresses. */
  ipRelease: {
    method: 'DELETE',
    path: '/v1/networks/:ref/reservations/:what',
    params: z.strictObject({ ref: Ref, what: Ref }),
    query: z.strictObject({ req: RequestId }),
    reply: ReservationView,
  },
} as const satisfies OperationTable
