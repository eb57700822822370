/** T1 as a draft: what one try compares, writes, and reads when it fails. */
import type { AgentRequest } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { type DomainDeps, nowText } from './deps.ts'
import type { Draft } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import { macOf } from './pure/macs.ts'
import type { EndpointRecord, HeldRecord, HostRecord, NetworkRecord, Stored, SubnetRecord } from './pure/records.ts'

/** Everything that one try rests on. */
export interface Try {
  readonly request: AgentRequest<'claim'>
  readonly uid: string
  readonly host: Stored<HostRecord>
  readonly network: Stored<NetworkRecord>
  readonly subnet: Stored<SubnetRecord>
  readonly ip: string
  readonly hex: string
  readonly chosen: boolean
  /** How many derived MACs were found taken. */
  readonly salt: number
  /** Mod revision of a quarantine that this claim ends. */
  readonly ends: number | undefined
  /** Mod revision of the reservation of the one container that may be the asker; 0 for none. */
  readonly reservation: number
}

/** The endpoint that a try makes. */
export function recordOf(deps: DomainDeps, { request, uid, host, network, subnet, ip, salt }: Try): EndpointRecord {
  return {
    v: 1,
    req: request.req,
    gen: 1,
    uid,
    network: network.value.uid,
    host: host.value.id,
    mac: request.mac ?? macOf(network.value.uid, ip, salt),
    addresses: [{ subnet: subnet.value.uid, ip }],
    state: 'pending',
    ...named(request),
    aliases: [],
    createdAt: nowText(deps.clock),
  }
}

/** The asker's name when it shows. */
export function named({ names = [] }: Pick<AgentRequest<'claim'>, 'names'>): { name?: string } {
  const [name] = names
  return name === undefined || names.length > 1 ? {} : { name }
}

/** Reads, in this order: endpoint, host, subnet, held, reserved, MAC. */
export function draftOf(attempt: Try, record: EndpointRecord): Draft {
  const { request, uid, host, network, subnet, hex, chosen, ends, reservation } = attempt
  const { name } = named(request)
  const { req } = request
  const place = {
    subnet: keys.subnet(subnet.value.uid),
    host: keys.host(host.value.id),
    held: keys.held(subnet.value.uid, hex),
    reserved: keys.reserved(subnet.value.uid, hex),
    endpoint: keys.endpoint(uid),
    mac: keys.mac(network.value.uid, record.mac),
  }
  const held: HeldRecord = { v: 1, req, endpoint: uid, host: host.value.id, chosen }
  const compares: Compare[] = [
    { key: place.subnet, create: subnet.createRevision },
    { key: place.host, mod: host.modRevision },
    { key: place.held, create: 0 },
    ends === undefined ? { key: place.reserved, create: 0 } : { key: place.reserved, mod: ends },
    { key: place.endpoint, create: 0 },
    { key: place.mac, create: 0 },
    // Whoever has a reservation is not given anything else because this controller has not heard of it yet.
    ...(name === undefined ? [] : [{ key: keys.reservation(network.value.uid, name), mod: reservation }]),
  ]
  const writes: KvOp[] = [
    { put: place.held, value: JSON.stringify(held) },
    { put: place.endpoint, value: JSON.stringify(record) },
    { put: place.mac, value: JSON.stringify({ v: 1, req, endpoint: uid }) },
    ...(ends === undefined ? [] : [{ delete: place.reserved }]),
  ]
  const { subnet: subnetKey, host: hostKey, held: heldKey, reserved, endpoint, mac } = place
  const reads = [endpoint, hostKey, subnetKey, heldKey, reserved, mac].map((key) => ({ get: key }))
  return { when: compares, write: writes, read: reads, requestId: req }
}
