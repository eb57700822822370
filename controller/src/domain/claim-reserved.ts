/**
 * T2: the addresses and the MAC that belong to a container's name, given to the endpoint of that name.
 *
 * Invariants
 * - All of the reservation in one transaction, or nothing; two holders at no revision.
 * - Only the host that has the addresses gives them up, and only of a stopped container: it is asked to (`yields`), and
 *   waited for. Until it has answered nobody else gets them, so a host that cannot be reached keeps what it has.
 */
import { type AgentReply, type AgentRequest, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { requireFence } from './fence.ts'
import { commitAlone } from './group-commit.ts'
import { macError } from './mac-error.ts'
import { describeEndpoint } from './pure/holders.ts'
import { addressKeyOf, keys } from './pure/keys.ts'
import { claimReply, recognised } from './pure/recognised.ts'
import {
  decode,
  type EndpointRecord,
  type HeldRecord,
  type HostRecord,
  MacRecord,
  type NetworkRecord,
  type ReservationRecord,
  type Stored,
  type SubnetRecord,
} from './pure/records.ts'
import { addressInFamily, heldAt, macRecordWrite } from './pure/reservations.ts'
import { type ClusterView, reservationOf } from './pure/view.ts'

export interface ReservedClaim {
  readonly host: string
  readonly request: AgentRequest<'claim'>
  readonly uid: string
  readonly network: NetworkRecord
  readonly subnet: Stored<SubnetRecord>
  /** Of the container that asks. */
  readonly name: string
}

/** How long a container that was stopped or removed a moment ago, here or elsewhere, has to let go of its address. */
const LETTING_GO_MS = 2_000
const LOOK_MS = 100

/**
 * @returns undefined when the reservation is gone, or does not have the address any more: look again
 * @throws `denied` (fence), `conflict` (another endpoint still has the addresses, or the asked-for MAC: named)
 */
export async function claimReserved(deps: DomainDeps, claim: ReservedClaim): Promise<AgentReply<'claim'> | undefined> {
  const { host, request, uid, network, subnet, name } = claim
  const until = deps.clock.monotonicMs() + LETTING_GO_MS
  for (;;) {
    const view = await deps.cluster.newest()
    const fenced = await requireFence(deps, host, request)
    const known = view.endpoints.get(uid)
    if (known !== undefined) return recognised(known.value, request)
    const reservation = reservationOf(view, network.uid, name)
    const own = reservation === undefined ? undefined : addressInFamily(reservation.value, subnet.value)
    if (reservation === undefined || own === undefined) return undefined
    if (request.address !== undefined && own.ip !== request.address) return undefined
    const mac = await readMac(deps, claim, reservation.value)
    const holder = holderOf(view, reservation.value, mac?.value)
    if (holder === undefined) {
      const record = recordOf(deps, claim, reservation.value)
      const draft = draftOf(view, claim, { fenced, reservation, record, macRevision: mac?.modRevision ?? 0 })
      if ((await commitAlone(deps.kv, draft)).succeeded) return claimReply(record)
      continue
    }
    if (isOrphan(holder.value, claim)) return claimReply(holder.value)
    if (deps.clock.monotonicMs() >= until) throw stillHeld(view, network.name, reservation.value, holder.value)
    if (holder.value.state === 'detached' && holder.value.yields !== true) await askToYield(deps, request.req, holder)
    await deps.pause(LOOK_MS)
  }
}

/** The MAC's record. Throws `conflict` when the MAC was asked for and is another's. */
async function readMac(
  deps: DomainDeps,
  { request, network, name }: ReservedClaim,
  reservation: ReservationRecord,
): Promise<Stored<MacRecord> | undefined> {
  const mac = request.mac ?? reservation.mac
  const { entry } = await deps.kv.get(keys.mac(network.uid, mac))
  if (entry === undefined) return undefined
  const stored = decode(MacRecord, entry)
  if (stored.value.reservation === name) return stored
  throw await macError(deps, network.name, mac, stored.value)
}

/** Whoever has one of the addresses, or the MAC. */
function holderOf(
  view: ClusterView,
  { addresses }: ReservationRecord,
  mac: MacRecord | undefined,
): Stored<EndpointRecord> | undefined {
  const uids = [...addresses.map((address) => heldAt(view, address)?.value.endpoint), mac?.endpoint]
  return uids.map((uid) => view.endpoints.get(uid ?? '')).find((stored) => stored !== undefined)
}

/** An endpoint that this very container was given and never used: the answer was lost. */
function isOrphan(holder: EndpointRecord, { host, name, request }: ReservedClaim): boolean {
  const unused = holder.state === 'pending' && holder.dockerEndpointId === undefined
  const wanted = request.address === undefined || holder.addresses.some(({ ip }) => ip === request.address)
  return unused && wanted && holder.host === host && holder.name === name && holder.reserved === true
}

/** Marks a stopped container's endpoint, so that its host gives it back. A lost race is looked at in the next round. */
async function askToYield(
  deps: DomainDeps,
  req: string,
  { value, modRevision }: Stored<EndpointRecord>,
): Promise<void> {
  const record: EndpointRecord = { ...value, gen: value.gen + 1, yields: true }
  const key = keys.endpoint(value.uid)
  const write = [{ put: key, value: JSON.stringify(record) }]
  await commitAlone(deps.kv, { when: [{ key, mod: modRevision }], write, read: [], requestId: req })
}

function recordOf(deps: DomainDeps, claim: ReservedClaim, reservation: ReservationRecord): EndpointRecord {
  return {
    v: 1,
    req: claim.request.req,
    gen: 1,
    uid: claim.uid,
    network: claim.network.uid,
    host: claim.host,
    mac: claim.request.mac ?? reservation.mac,
    addresses: reservation.addresses,
    state: 'pending',
    name: claim.name,
    aliases: [],
    createdAt: nowText(deps.clock),
    reserved: true,
  }
}

interface Given {
  readonly fenced: Stored<HostRecord>
  readonly reservation: Stored<ReservationRecord>
  readonly record: EndpointRecord
  readonly macRevision: number
}

function draftOf(
  view: ClusterView,
  { request: { req }, uid, name }: ReservedClaim,
  { fenced, reservation, record, macRevision }: Given,
) {
  const held: HeldRecord = { v: 1, req, endpoint: uid, host: record.host, chosen: false }
  const when: Compare[] = [
    { key: keys.host(fenced.value.id), mod: fenced.modRevision },
    { key: keys.reservation(record.network, name), mod: reservation.modRevision },
    { key: keys.endpoint(uid), create: 0 },
    { key: keys.mac(record.network, record.mac), mod: macRevision },
    ...record.addresses.flatMap((address): Compare[] => [
      { key: keys.subnet(address.subnet), create: view.subnets.get(address.subnet)?.createRevision ?? 0 },
      { key: addressKeyOf('held', address), create: 0 },
    ]),
  ]
  const write: KvOp[] = [
    { put: keys.endpoint(uid), value: JSON.stringify(record) },
    macRecordWrite(req, record, uid, record.mac === reservation.value.mac ? name : undefined),
    ...record.addresses.map((address) => ({ put: addressKeyOf('held', address), value: JSON.stringify(held) })),
  ]
  return { when, write, read: [], requestId: req }
}

function stillHeld(
  view: ClusterView,
  network: string,
  { name, addresses }: ReservationRecord,
  holder: EndpointRecord,
): WeftError {
  const { host } = holder
  const remedy = view.alive.has(host)
    ? 'stop or remove that one first, or start this one under another name'
    : `${host} is silent; when that machine is off for sure: weft host rm --force ${host}`
  return new WeftError('conflict', {
    what: `what is reserved for ${name} in network ${network} is in use`,
    on: addresses.map(({ ip }) => ip).join(' and '),
    why: `${describeEndpoint(holder)} has ${holder.addresses.map(({ ip }) => ip).join(' and ')}, ${STATES[holder.state]}`,
    remedy,
  })
}

const STATES = {
  pending: 'and is about to start',
  attached: 'and runs',
  detached: 'is stopped, and its host has not given it back',
} as const satisfies Record<EndpointRecord['state'], string>
