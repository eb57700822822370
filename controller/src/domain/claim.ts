/**
 * T1: one address for one endpoint, by compare-and-set on the address itself.
 *
 * Invariants
 * - The address's record, the endpoint's and the MAC's are written in one transaction or not at all.
 * - A repeated request finds the endpoint of the first: the endpoint's uid is derived from host and request id.
 * - "exhausted" is answered only after etcd itself was asked (a linearizable list).
 * - An address that belongs to a name is given to the container of that name alone (claim-reserved.ts).
 */
import { type AgentReply, type AgentRequest, addressToHex, parseAddress, parseCidr, WeftError } from '@weft/shared'
import type { ReadAnswer } from '../store/kv.ts'
import { draftOf, named, recordOf, type Try } from './claim-draft.ts'
import { claimReserved } from './claim-reserved.ts'
import type { DomainDeps } from './deps.ts'
import { readFence, requireFence } from './fence.ts'
import { macError } from './mac-error.ts'
import { letGo, type Picked, pickAddress, type Subnets } from './pick-address.ts'
import { checkAskedAddress } from './pure/check-address.ts'
import { endpointSpec } from './pure/compile.ts'
import { addressOfHost, heldByEndpoint, reservedAddress } from './pure/holders.ts'
import { keys } from './pure/keys.ts'
import { recognised } from './pure/recognised.ts'
import {
  decode,
  EndpointRecord,
  HeldRecord,
  MacRecord,
  type NetworkRecord,
  ReservedRecord,
  type Stored,
  type SubnetRecord,
} from './pure/records.ts'
import { yieldsToWish } from './pure/reservations.ts'
import { reservedAsker } from './pure/reserved-asker.ts'
import { uidOf } from './pure/uids.ts'
import { reservationOf } from './pure/view.ts'

type ClaimRequest = AgentRequest<'claim'>

/** What became of a try: done, or what to change for the next one. */
type Verdict =
  | { readonly done: AgentReply<'claim'> }
  | { readonly next: 'address' }
  | { readonly next: 'mac' }
  | { readonly next: 'reservation'; readonly ends: number | undefined }

/** Tries of one request; each lost one means that somebody else got an address. */
const MOST_TRIES = 1_000

/**
 * Gives the host an address in the subnet: the one asked for, or the next free one.
 * @throws `denied` (fence), `not_found` (network, subnet), `invalid` (asked-for address breaks a rule), `conflict` (the
 * address or MAC is somebody's: the error names whose; or it does not show whether a reservation is meant), `exhausted`.
 */
export async function claimAddress(
  deps: DomainDeps,
  host: string,
  request: ClaimRequest,
): Promise<AgentReply<'claim'>> {
  let fenced = await requireFence(deps, host, request)
  const { network, subnet, others } = await findSubnet(deps, request)
  const uid = uidOf('endpoint', host, request.req)
  if (request.address !== undefined) checkAskedAddress(request.address, subnet.value)
  let salt = 0
  let ends: number | undefined
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = deps.cluster.current()
    const known = view.endpoints.get(uid)
    if (known !== undefined) return recognised(known.value, request)
    const name = reservedAsker(view, network.value, subnet.value, request)
    if (name !== undefined) {
      const answer = await claimReserved(deps, { host, request, uid, network: network.value, subnet, name })
      if (answer !== undefined) return answer
      continue
    }
    const address = await candidate(deps, network, [subnet, ...others], request)
    if (address === undefined) continue
    const reservation = reservationOf(view, network.value.uid, named(request).name)?.modRevision ?? 0
    const attempt = { request, uid, host: fenced, network, salt, ends, reservation, ...address }
    const verdict = await tryOnce(deps, attempt)
    if ('done' in verdict) return verdict.done
    if (verdict.next === 'mac') salt++
    if (verdict.next === 'reservation') ends = verdict.ends
    fenced = await requireFence(deps, host, request)
  }
  throw new WeftError('unavailable', {
    what: 'lost every race for an address',
    on: subnet.value.cidr,
    why: `${MOST_TRIES} tries`,
    remedy: 'try again',
  })
}

async function findSubnet(
  deps: DomainDeps,
  { network: uid, subnet: subnetUid }: ClaimRequest,
): Promise<{
  network: Stored<NetworkRecord>
  subnet: Stored<SubnetRecord>
  /** Of the same family, in the network's order. */
  others: readonly Stored<SubnetRecord>[]
}> {
  let view = deps.cluster.current()
  if (!view.networks.has(uid) || !view.subnets.has(subnetUid)) view = await deps.cluster.newest()
  const network = view.networks.get(uid)
  const subnet = view.subnets.get(subnetUid)
  if (network === undefined) {
    throw new WeftError('not_found', { what: 'no such network', on: uid, why: 'it was removed or never was' })
  }
  if (subnet === undefined || subnet.value.network !== uid) {
    throw new WeftError('not_found', { what: `no such subnet of network ${network.value.name}`, on: subnetUid })
  }
  const { family } = parseCidr(subnet.value.cidr)
  const others = network.value.subnets
    .flatMap((each) => (each === subnetUid ? [] : (view.subnets.get(each) ?? [])))
    .filter(({ value }) => parseCidr(value.cidr).family === family)
  return { network, subnet, others }
}

/** The asked-for address, or the next free one, held at the desk; undefined when the caller should look again. */
async function candidate(
  deps: DomainDeps,
  network: Stored<NetworkRecord>,
  subnets: Subnets,
  { address: ip }: ClaimRequest,
): Promise<(Picked & { chosen: boolean }) | undefined> {
  if (ip === undefined) {
    const picked = await pickAddress(deps, network.value.name, subnets)
    return picked === undefined ? undefined : { ...picked, chosen: true }
  }
  const [subnet] = subnets
  const hex = addressToHex(parseAddress(ip))
  const owner = deps.cluster.current().hostAddresses.get(hex)
  if (owner !== undefined) throw addressOfHost(ip, owner)
  deps.cluster.desk.hold(subnet.value.uid, hex)
  return { subnet, ip, hex, chosen: false }
}

/** One transaction. The address stays held until the cache knows what became of it. */
async function tryOnce(deps: DomainDeps, attempt: Try): Promise<Verdict> {
  const { cluster } = deps
  let settledAt: number | undefined
  try {
    const record = recordOf(deps, attempt)
    const answer = await cluster.commits.submit(draftOf(attempt, record))
    settledAt = answer.succeeded ? answer.revision : newestOf(answer.reads)
    if (answer.succeeded) return { done: { endpoint: endpointSpec(record) } }
    return await judge(deps, attempt, answer.reads)
  } finally {
    letGo(deps, attempt.subnet.value.uid, attempt.hex, settledAt)
  }
}

/** The last write among what was read: what the cache must know before the same candidate is tried again. */
function newestOf(reads: readonly ReadAnswer[]): number {
  return Math.max(0, ...reads.flatMap(({ entries }) => entries.map(({ modRevision }) => modRevision)))
}

/** Reads from the else branch why the compare failed. */
async function judge(deps: DomainDeps, attempt: Try, reads: readonly ReadAnswer[]): Promise<Verdict> {
  const { request, host, network, subnet, ip, chosen } = attempt
  const [endpoint, hostEntry, subnetEntry, held, reserved, mac] = reads.map(({ entries }) => entries[0])
  if (endpoint !== undefined) return { done: recognised(decode(EndpointRecord, endpoint).value, request) }
  if (hostEntry?.modRevision !== host.modRevision) {
    // Throws unless this agent joined anew in between, under the same epoch.
    await readFence(deps, host.value.id, request)
    await deps.cluster.newest()
    return { next: 'address' }
  }
  if (subnetEntry?.createRevision !== subnet.createRevision) {
    throw new WeftError('not_found', { what: 'network was removed in the meantime', on: network.value.name })
  }
  if (held !== undefined) {
    if (chosen) return { next: 'address' }
    throw await heldError(deps, ip, decode(HeldRecord, held).value)
  }
  if (reserved?.modRevision !== attempt.ends) {
    if (chosen) return { next: 'address' }
    if (reserved === undefined) return { next: 'reservation', ends: undefined }
    const record = decode(ReservedRecord, reserved)
    if (record.value.purpose === 'name') {
      await deps.cluster.newest()
      return { next: 'address' }
    }
    if (!yieldsToWish(record.value)) {
      throw reservedAddress(ip, network.value.name, subnet.value.cidr, record.value)
    }
    return { next: 'reservation', ends: record.modRevision }
  }
  if (mac !== undefined) {
    if (request.mac === undefined) return { next: 'mac' }
    throw await macError(deps, network.value.name, request.mac, decode(MacRecord, mac).value)
  }
  // Whatever stood in the way went away again between the compare and now, or the asker's name got a reservation.
  await deps.cluster.newest()
  return { next: 'address' }
}

async function heldError(deps: DomainDeps, ip: string, held: HeldRecord): Promise<WeftError> {
  const { entry } = await deps.kv.get(keys.endpoint(held.endpoint))
  if (entry !== undefined) return heldByEndpoint(ip, decode(EndpointRecord, entry).value)
  return new WeftError('conflict', { what: 'address is in use', on: ip, why: `host ${held.host} has it` })
}
