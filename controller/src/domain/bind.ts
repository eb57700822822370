/**
 * Makes one endpoint of the claims that Docker made one by one, a family at a time, and gives it an asked-for MAC.
 *
 * Invariants
 * - One transaction: at no revision does an address have two owners or none (TRUTH.md I2).
 * - Settled by what is there: a repeated request finds everything as wanted and changes nothing.
 */
import { type AgentReply, type AgentRequest, addressToHex, parseAddress, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import type { DomainDeps } from './deps.ts'
import { requireFence } from './fence.ts'
import { commitAlone, type Draft } from './group-commit.ts'
import { macError } from './mac-error.ts'
import { readOwnEndpoint } from './own-endpoint.ts'
import { endpointSpec } from './pure/compile.ts'
import { addressKeyOf, keys } from './pure/keys.ts'
import { refuseOwnMac } from './pure/macs.ts'
import {
  decode,
  type EndpointRecord,
  type HeldRecord,
  type HostRecord,
  MacRecord,
  type Stored,
} from './pure/records.ts'
import { macWrite, withMarks } from './pure/reservations.ts'

type BindRequest = AgentRequest<'bind'>

const MOST_TRIES = 20

/**
 * Merges endpoints into the first one and settles its MAC.
 * @throws `denied` (fence, another host's), `not_found` (endpoint), `invalid` (other network, same family twice),
 * `conflict` (MAC is somebody's: named)
 */
export async function bindEndpoint(deps: DomainDeps, host: string, request: BindRequest): Promise<AgentReply<'bind'>> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const fenced = await requireFence(deps, host, request)
    const target = await readOwnEndpoint(deps, host, request.endpoint)
    // The reservations that its MAC and addresses are beside must be known as of its record.
    if (target !== undefined) await deps.cluster.waitFor(target.modRevision)
    if (target === undefined) {
      throw new WeftError('not_found', {
        what: 'no such endpoint',
        on: request.endpoint,
        remedy: 'claim an address anew',
      })
    }
    const network = deps.cluster.current().networks.get(target.value.network)?.value
    const otherMac = request.mac === target.value.mac ? undefined : request.mac
    if (network !== undefined && otherMac !== undefined) refuseOwnMac(network, otherMac, 'ask for none')
    const merged = await readMerged(deps, host, request, target.value)
    const others = merged.map(({ value }) => value)
    const wanted = withMarks(deps.cluster.current(), merge(target.value, others, request))
    if (merged.length === 0 && sameEndpoint(target.value, wanted)) return { endpoint: endpointSpec(wanted) }
    const { entry } = await deps.kv.get(keys.mac(wanted.network, wanted.mac))
    const owner = entry === undefined ? undefined : decode(MacRecord, entry)
    if (owner !== undefined && isOther(owner.value, [target, ...merged])) {
      throw await macError(deps, network?.name ?? wanted.network, wanted.mac, owner.value)
    }
    const macRevision = owner?.modRevision ?? 0
    const draft = draftOf(deps, request.req, { fenced, target, merged, wanted, macRevision })
    if ((await commitAlone(deps.kv, draft)).succeeded) return { endpoint: endpointSpec(wanted) }
    await deps.cluster.newest()
  }
  throw new WeftError('unavailable', {
    what: 'lost every race for an endpoint',
    on: request.endpoint,
    remedy: 'try again',
  })
}

/** True when the MAC is another endpoint's, or belongs to another name. */
function isOther(owner: MacRecord, own: readonly Stored<EndpointRecord>[]): boolean {
  if (owner.endpoint !== undefined) return !own.some(({ value }) => value.uid === owner.endpoint)
  return !own.some(({ value }) => value.name === owner.reservation)
}

/** The endpoints still to be merged; those already in the target are done. */
async function readMerged(
  deps: DomainDeps,
  host: string,
  request: BindRequest,
  target: EndpointRecord,
): Promise<Stored<EndpointRecord>[]> {
  const uids = [...new Set(request.merge)].filter((uid) => uid !== target.uid)
  const found = await Promise.all(uids.map((uid) => readOwnEndpoint(deps, host, uid)))
  const merged = found.filter((stored) => stored !== undefined)
  const missing = uids.filter((uid) => !merged.some(({ value }) => value.uid === uid))
  // An earlier, equal request has merged them: then the target has their addresses.
  if (missing.length > 0 && missing.length >= target.addresses.length) {
    throw new WeftError('not_found', { what: 'no such endpoint to merge', on: missing.join(', ') })
  }
  const foreign = merged.find(({ value }) => value.network !== target.network)
  if (foreign === undefined) return merged
  throw new WeftError('invalid', {
    what: 'endpoints of different networks cannot be one',
    on: foreign.value.uid,
    why: `it is in network ${foreign.value.network}, not ${target.network}`,
  })
}

function merge(target: EndpointRecord, others: readonly EndpointRecord[], request: BindRequest): EndpointRecord {
  const addresses = [target, ...others].flatMap((record) => record.addresses)
  const ordered = addresses.toSorted((a, b) => parseAddress(a.ip).family - parseAddress(b.ip).family)
  return {
    ...target,
    gen: target.gen + 1,
    mac: request.mac ?? target.mac,
    addresses: ordered,
    dockerEndpointId: request.dockerEndpointId,
  }
}

function sameEndpoint(a: EndpointRecord, b: EndpointRecord): boolean {
  return a.mac === b.mac && a.dockerEndpointId === b.dockerEndpointId
}

interface Binding {
  readonly fenced: Stored<HostRecord>
  readonly target: Stored<EndpointRecord>
  readonly merged: readonly Stored<EndpointRecord>[]
  readonly wanted: EndpointRecord
  /** Of the wanted MAC's record as it was looked at; 0 when there is none. */
  readonly macRevision: number
}

function draftOf(deps: DomainDeps, req: string, { fenced, target, merged, wanted, macRevision }: Binding): Draft {
  const before = [target, ...merged]
  const view = deps.cluster.current()
  const freed = new Set(before.map(({ value }) => value.mac).filter((mac) => mac !== wanted.mac))
  const { network } = wanted
  const compares: Compare[] = [
    { key: keys.host(fenced.value.id), mod: fenced.modRevision },
    ...before.map(({ value, modRevision }): Compare => ({ key: keys.endpoint(value.uid), mod: modRevision })),
    { key: keys.mac(network, wanted.mac), mod: macRevision },
  ]
  const writes: KvOp[] = [
    put(keys.endpoint(wanted.uid), wanted),
    macWrite(view, req, wanted, wanted.uid),
    ...merged.map(({ value }) => ({ delete: keys.endpoint(value.uid) })),
    ...[...freed].map((mac) => macWrite(view, req, { network, mac })),
    ...merged.flatMap(({ value }) => value.addresses.map((address) => heldWrite(deps, req, wanted, address))),
  ]
  return { when: compares, write: writes, read: [], requestId: req }
}

/** The address's record under its new owner. */
function heldWrite(
  deps: DomainDeps,
  req: string,
  owner: EndpointRecord,
  address: EndpointRecord['addresses'][number],
): KvOp {
  const hex = addressToHex(parseAddress(address.ip))
  const chosen = deps.cluster.current().pools.get(address.subnet)?.held.get(hex)?.value.chosen ?? false
  const held: HeldRecord = { v: 1, req, endpoint: owner.uid, host: owner.host, chosen }
  return put(addressKeyOf('held', address), held)
}

function put(key: string, record: unknown): KvOp {
  return { put: key, value: JSON.stringify(record) }
}
