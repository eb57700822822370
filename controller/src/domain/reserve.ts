/**
 * Addresses and a MAC that belong to a container's name, whether or not there is such a container.
 *
 * Invariants
 * - One transaction: the reservation, a reserved record for each address, the MAC's record and the audit record.
 * - An address that somebody else has is never reserved. One that the endpoint of this very name has stays with it.
 * - Endpoints of the name are written with it: whoever gives one back at the same time looks again (release.ts).
 */
import { type IpReserveRequest, type ReservationView, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { auditWrite } from './audit.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { commitAlone, type Draft } from './group-commit.ts'
import { macError } from './mac-error.ts'
import { letGo, pickAddress } from './pick-address.ts'
import { networkByRef } from './pure/find.ts'
import { addressKeyOf, keys } from './pure/keys.ts'
import { macOf } from './pure/macs.ts'
import { checkSame, planReservation, type ReservationPlan } from './pure/plan-reservation.ts'
import {
  type Actor,
  decode,
  type EndpointRecord,
  MacRecord,
  type NetworkRecord,
  type ReservationRecord,
  type Stored,
} from './pure/records.ts'
import { hasAddresses, heldAt, nameWrite, reservationView, reservedAt } from './pure/reservations.ts'
import { type ClusterView, reservationOf } from './pure/view.ts'

const MOST_TRIES = 100

/**
 * Reserves addresses for a container's name, one a family: those asked for, else those that its container has, else the
 * next free ones. What is so already is left alone.
 * @param ref network: name, uid or unique beginning of a uid
 * @throws `not_found` (network), `invalid`, `conflict` (somebody else's address or MAC; the name has another reservation),
 * `exhausted`
 */
export async function reserveAddresses(
  deps: DomainDeps,
  ref: string,
  request: IpReserveRequest,
  actor: Actor,
): Promise<ReservationView> {
  let salt = 0
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    const { value: network } = networkByRef(view, ref)
    const known = reservationOf(view, network.uid, request.name)
    if (known !== undefined) {
      checkSame(network, known.value, request)
      return reservationView(view, known.value)
    }
    const plan = planReservation(view, network, request)
    const outcome = await attempt(deps, { network, plan, request, actor, salt })
    if (outcome === 'mac') salt++
    else if (outcome !== undefined) return outcome
  }
  throw new WeftError('unavailable', {
    what: 'lost every race for an address',
    on: request.name,
    why: `${MOST_TRIES} tries`,
    remedy: 'try again',
  })
}

interface Attempt {
  readonly network: NetworkRecord
  readonly plan: ReservationPlan
  readonly request: IpReserveRequest
  readonly actor: Actor
  readonly salt: number
}

/** One transaction, with free addresses held at the desk until the cache has heard of it. */
async function attempt(deps: DomainDeps, wish: Attempt): Promise<ReservationView | 'mac' | undefined> {
  const { network, plan } = wish
  const held: { subnet: string; hex: string }[] = []
  let settledAt: number | undefined
  try {
    const addresses: ReservationRecord['addresses'] = []
    for (const planned of plan.addresses) {
      if ('ip' in planned) {
        addresses.push(planned)
        continue
      }
      const picked = await pickAddress(deps, network.name, planned.among)
      if (picked === undefined) return undefined
      const subnet = picked.subnet.value.uid
      held.push({ subnet, hex: picked.hex })
      addresses.push({ subnet, ip: picked.ip })
    }
    const record = recordOf(deps, wish, addresses)
    const mac = await readMac(deps, wish, record)
    if (mac === 'taken') return 'mac'
    const answer = await commitAlone(deps.kv, draftOf(deps, deps.cluster.current(), wish, record, mac))
    if (!answer.succeeded) return undefined
    settledAt = answer.revision
    return reservationView(await deps.cluster.waitFor(answer.revision), record)
  } finally {
    for (const { subnet, hex } of held) letGo(deps, subnet, hex, settledAt)
  }
}

function recordOf(
  deps: DomainDeps,
  { network, plan, request, salt }: Attempt,
  addresses: ReservationRecord['addresses'],
): ReservationRecord {
  const mac = plan.mac ?? macOf(network.uid, addresses[0]?.ip ?? '', salt)
  const { req, name } = request
  return { v: 1, req, gen: 1, network: network.uid, name, addresses, mac, createdAt: nowText(deps.clock) }
}

/** The MAC's record, when an endpoint of that name has it. Throws `conflict` when it was asked for and is another's. */
async function readMac(
  deps: DomainDeps,
  { network, plan }: Attempt,
  { mac }: ReservationRecord,
): Promise<Stored<MacRecord> | 'taken' | undefined> {
  const { entry } = await deps.kv.get(keys.mac(network.uid, mac))
  if (entry === undefined) return undefined
  const stored = decode(MacRecord, entry)
  const own = plan.own.some(({ value }) => value.uid === stored.value.endpoint)
  if (own && stored.value.reservation === undefined) return stored
  if (plan.mac === undefined) return 'taken'
  throw await macError(deps, network.name, mac, stored.value)
}

function draftOf(
  deps: DomainDeps,
  view: ClusterView,
  { network, plan, actor }: Attempt,
  record: ReservationRecord,
  mac: Stored<MacRecord> | undefined,
): Draft {
  const { req, name, addresses } = record
  const key = keys.reservation(network.uid, name)
  const when: Compare[] = [
    { key, create: 0 },
    { key: keys.mac(network.uid, record.mac), mod: mac?.modRevision ?? 0 },
    ...plan.own.map(({ value, modRevision }): Compare => ({ key: keys.endpoint(value.uid), mod: modRevision })),
    ...addresses.flatMap((address): Compare[] => [
      { key: keys.subnet(address.subnet), create: view.subnets.get(address.subnet)?.createRevision ?? -1 },
      { key: addressKeyOf('held', address), mod: heldAt(view, address)?.modRevision ?? 0 },
      { key: addressKeyOf('reserved', address), mod: reservedAt(view, address)?.modRevision ?? 0 },
    ]),
  ]
  const holder = { v: 1, req, ...(mac === undefined ? {} : { endpoint: mac.value.endpoint }), reservation: name }
  const object = `${addresses.map(({ ip }) => ip).join(' and ')} of network ${network.name} for ${name}`
  const write: KvOp[] = [
    put(key, record),
    put(keys.mac(network.uid, record.mac), holder),
    ...addresses.map((address) => nameWrite(req, address, name)),
    ...plan.own.map(({ value }) => put(keys.endpoint(value.uid), marked(value, record))),
    auditWrite(deps, { actor, action: 'ip.reserve', object, req }),
  ]
  return { when, write, read: [], requestId: req }
}

/** The endpoint of the name once the reservation is there: one that has something else gives it back when it is stopped. */
function marked(endpoint: EndpointRecord, reservation: ReservationRecord): EndpointRecord {
  const { reserved: _, yields: __, ...rest } = endpoint
  const has = reservation.addresses.some((address) => hasAddresses(endpoint, [address]))
  const matches = hasAddresses(endpoint, reservation.addresses) && endpoint.mac === reservation.mac
  return {
    ...rest,
    gen: endpoint.gen + 1,
    ...(has ? { reserved: true } : {}),
    ...(matches ? {} : { yields: true }),
  }
}

function put(key: string, record: unknown): KvOp {
  return { put: key, value: JSON.stringify(record) }
}
