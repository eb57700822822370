/**
 * Ends a reservation. Addresses that nobody has rest like any that was given back; a container that has them keeps them,
 * as if it had been given them without a reservation.
 */
import { formatAddress, parseAddress, type ReservationView, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { auditWrite } from './audit.ts'
import { type DomainDeps, timeText } from './deps.ts'
import { commitAlone, type Draft } from './group-commit.ts'
import { networkByRef } from './pure/find.ts'
import { describeEndpoint } from './pure/holders.ts'
import { addressKeyOf, keys } from './pure/keys.ts'
import {
  type Actor,
  decode,
  MacRecord,
  type NetworkRecord,
  type ReservationRecord,
  type ReservedRecord,
  type Stored,
} from './pure/records.ts'
import { heldAt, macRecordWrite, reservationView, reservedAt } from './pure/reservations.ts'
import { type ClusterView, endpointsOf } from './pure/view.ts'

const MOST_TRIES = 20

/**
 * @param what container name, or one of the addresses: either means the whole reservation
 * @throws `not_found`: the error names what is reserved, or who has the address without a reservation
 */
export async function releaseReservation(
  deps: DomainDeps,
  ref: string,
  what: string,
  req: string,
  actor: Actor,
): Promise<{ reply: ReservationView; revision: number }> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    const { value: network } = networkByRef(view, ref)
    const stored = reservationByRef(view, network, what)
    const reply = reservationView(view, stored.value)
    const { entry } = await deps.kv.get(keys.mac(network.uid, stored.value.mac))
    const mac = entry === undefined ? undefined : decode(MacRecord, entry)
    const answer = await commitAlone(deps.kv, draftOf(deps, view, { network, stored, mac, req, actor }))
    if (answer.succeeded) {
      await deps.cluster.waitFor(answer.revision)
      return { reply, revision: answer.revision }
    }
  }
  throw new WeftError('unavailable', { what: 'lost every race for a reservation', on: what, remedy: 'try again' })
}

function reservationByRef(view: ClusterView, network: NetworkRecord, what: string): Stored<ReservationRecord> {
  const all = [...(view.reservations.get(network.uid)?.values() ?? [])]
  const ip = canonicalAddress(what)
  const found = all.find(({ value }) => value.name === what || value.addresses.some((address) => address.ip === ip))
  if (found !== undefined) return found
  const holder = endpointsOf(view, network.uid).find(({ value }) =>
    value.addresses.some((address) => address.ip === ip),
  )?.value
  const known = all.map(({ value }) => `${value.name} (${value.addresses.map((address) => address.ip).join(', ')})`)
  const some = known.length === 0 ? 'nothing' : known.sort().slice(0, 10).join(', ')
  const why =
    holder === undefined
      ? `network ${network.name} has reserved ${some}`
      : `${describeEndpoint(holder)} has it without a reservation, until it is removed`
  throw new WeftError('not_found', {
    what: 'no such reservation',
    on: what,
    why,
    remedy: `see weft ip ls ${network.name}`,
  })
}

function canonicalAddress(text: string): string | undefined {
  try {
    return formatAddress(parseAddress(text))
  } catch {
    // A name, then.
    return undefined
  }
}

interface Ending {
  readonly network: NetworkRecord
  readonly stored: Stored<ReservationRecord>
  readonly mac: Stored<MacRecord> | undefined
  readonly req: string
  readonly actor: Actor
}

function draftOf(deps: DomainDeps, view: ClusterView, { network, stored, mac, req, actor }: Ending): Draft {
  const { name, addresses } = stored.value
  const holders = endpointsOf(view, network.uid).filter(
    ({ value }) =>
      value.name === name ||
      value.uid === mac?.value.endpoint ||
      addresses.some((each) => isHeldBy(view, each, value.uid)),
  )
  const when: Compare[] = [
    { key: keys.reservation(network.uid, name), mod: stored.modRevision },
    { key: keys.mac(network.uid, stored.value.mac), mod: mac?.modRevision ?? 0 },
    ...holders.map(({ value, modRevision }): Compare => ({ key: keys.endpoint(value.uid), mod: modRevision })),
    ...addresses.flatMap((address): Compare[] => [
      { key: addressKeyOf('held', address), mod: heldAt(view, address)?.modRevision ?? 0 },
      { key: addressKeyOf('reserved', address), mod: reservedAt(view, address)?.modRevision ?? 0 },
    ]),
  ]
  const object = `${addresses.map(({ ip }) => ip).join(' and ')} of network ${network.name} for ${name}`
  const write: KvOp[] = [
    { delete: keys.reservation(network.uid, name) },
    macRecordWrite(req, { network: network.uid, mac: stored.value.mac }, mac?.value.endpoint, undefined),
    ...addresses.map((address) => restWrite(deps, view, req, address, name)),
    ...holders.map(({ value: { reserved: _, yields: __, ...rest } }) => ({
      put: keys.endpoint(rest.uid),
      value: JSON.stringify({ ...rest, gen: rest.gen + 1 }),
    })),
    auditWrite(deps, { actor, action: 'ip.release', object, req }),
  ]
  return { when, write, read: [], requestId: req }
}

function isHeldBy(view: ClusterView, address: ReservationRecord['addresses'][number], uid: string): boolean {
  return heldAt(view, address)?.value.endpoint === uid
}

/** What becomes of an address's reserved record: nothing stays where somebody has it. */
function restWrite(
  deps: DomainDeps,
  view: ClusterView,
  req: string,
  address: ReservationRecord['addresses'][number],
  name: string,
): KvOp {
  const key = addressKeyOf('reserved', address)
  if (heldAt(view, address) !== undefined || deps.quarantineMs === 0) return { delete: key }
  const until = timeText(deps.clock.now() + deps.quarantineMs)
  const record: ReservedRecord = { v: 1, req, purpose: 'quarantine', label: `reserved for ${name}`, until }
  return { put: key, value: JSON.stringify(record) }
}
