/**
 * Keeps a {@link ClusterView} from etcd's entries, one at a time, each in O(1) or so.
 *
 * Invariants
 * - Fed the same entries in the same order, two of them are equal.
 * - A value that cannot be read changes nothing but `damaged` and `lost`: a bad record never removes anything from a host.
 */
import { addressToHex, parseAddress, parseInterfaceAddress, WeftError } from '@weft/shared'
import { keys, type ParsedKey, parseKey } from './keys.ts'
import { pathBetween } from './paths.ts'
import {
  AliveRecord,
  ClusterRecord,
  decode,
  EndpointRecord,
  FactsRecord,
  HeldRecord,
  HostRecord,
  IncarnationRecord,
  NetworkNameRecord,
  NetworkRecord,
  PathRecord,
  PlacementRecord,
  PublicationRecord,
  PublicationsGenerationRecord,
  RemovalsRecord,
  ReservationRecord,
  ReservedRecord,
  RouterRecord,
  type Stored,
  SubnetRecord,
  SubnetsGenerationRecord,
  UplinkRecord,
  VniRecord,
  VtepRecord,
} from './records.ts'
import { SubnetPool } from './subnet-pool.ts'
import type { ClusterView, RecordChange } from './view.ts'

interface RawEntry {
  readonly key: string
  readonly value: string
  readonly createRevision: number
  readonly modRevision: number
}

export class ClusterIndex implements ClusterView {
  revision = 0
  cluster: string | undefined
  incarnation = 0
  readonly networks = new Map<string, Stored<NetworkRecord>>()
  readonly subnets = new Map<string, Stored<SubnetRecord>>()
  readonly pools = new Map<string, SubnetPool>()
  readonly endpoints = new Map<string, Stored<EndpointRecord>>()
  readonly placed = new Set<string>()
  readonly routers = new Map<string, Stored<RouterRecord>>()
  readonly placements = new Map<string, Stored<PlacementRecord>>()
  readonly reservations = new Map<string, Map<string, Stored<ReservationRecord>>>()
  readonly participants = new Map<string, Map<string, Set<string>>>()
  readonly networksOfHost = new Map<string, Set<string>>()
  readonly vnis = new Map<number, string | undefined>()
  readonly uplinks = new Map<string, Map<string, Stored<UplinkRecord>>>()
  readonly publications = new Map<string, Stored<PublicationRecord>>()
  readonly hosts = new Map<string, Stored<HostRecord>>()
  readonly paths = new Map<string, Stored<PathRecord>>()
  readonly facts = new Map<string, Stored<FactsRecord>>()
  readonly alive = new Map<string, Stored<AliveRecord>>()
  readonly hostAddresses = new Map<string, { host: string; interface: string }>()
  readonly removalsAllowed = new Set<string>()
  readonly damaged = new Map<string, string>()
  readonly lost = new Set<string>()
  /** Lost keys of which older versions may be had from etcd's history, and the revision of the oldest one seen. */
  readonly recallable = new Map<string, number>()

  /** Takes in a written entry; undefined when nothing that others look at changed. */
  put(entry: RawEntry): RecordChange | undefined {
    const key = parseKey(entry.key)
    try {
      const change = this.#put(key, entry)
      this.#heal(entry.key)
      return change
    } catch (thrown) {
      this.damaged.set(entry.key, reasonOf(thrown))
      if (this.#wasReadable(key, entry)) {
        this.lost.add(entry.key)
        this.recallable.set(entry.key, entry.modRevision)
      }
      this.#keepTaken(key)
      return undefined
    }
  }

  /**
   * Takes in an older version of a lost key: one that can be read is in force from then on, as if it had been read in
   * its time. A key whose first version cannot be read either never told anybody anything.
   */
  recall(entry: RawEntry): RecordChange | undefined {
    if (!this.lost.has(entry.key)) return undefined
    try {
      const change = this.#put(parseKey(entry.key), entry)
      this.#settle(entry.key)
      return change
    } catch {
      // The key is in `damaged`, with what is wrong with its newest version.
      if (entry.createRevision === entry.modRevision) this.#settle(entry.key)
      else this.recallable.set(entry.key, entry.modRevision)
      return undefined
    }
  }

  /** Takes in that a key is gone. */
  delete(entryKey: string): RecordChange | undefined {
    this.#heal(entryKey)
    const key = parseKey(entryKey)
    switch (key.kind) {
      case 'network':
      case 'subnet':
      case 'endpoint':
      case 'host':
      case 'facts':
      case 'alive':
      case 'router':
      case 'placement':
      case 'publication':
        return this.#swap(key.kind, key.id, undefined)
      case 'uplink':
        return this.#uplink(key.name, key.host, undefined)
      case 'reservation':
        return this.#reservation(key.network, key.name, undefined)
      case 'held':
      case 'reserved':
        this.#pool(key.subnet).drop(key.kind, key.hex)
        this.#forgetPool(key.subnet)
        return undefined
      case 'vni':
        this.vnis.delete(key.vni)
        return undefined
      case 'removals':
        this.removalsAllowed.delete(key.id)
        return undefined
      case 'path':
        this.paths.delete(pathBetween(key.first, key.second))
        return undefined
      default:
        return undefined
    }
  }

  #put(key: ParsedKey, entry: RawEntry): RecordChange | undefined {
    switch (key.kind) {
      case 'cluster':
        this.cluster = decode(ClusterRecord, entry).value.id
        return undefined
      case 'incarnation':
        this.incarnation = decode(IncarnationRecord, entry).value.incarnation
        return undefined
      case 'network':
        return this.#swap('network', key.id, own(decode(NetworkRecord, entry), key.id))
      case 'subnet':
        return this.#swap('subnet', key.id, own(decode(SubnetRecord, entry), key.id))
      case 'endpoint':
        return this.#swap('endpoint', key.id, own(decode(EndpointRecord, entry), key.id))
      case 'host':
        return this.#swap('host', key.id, ofHost(decode(HostRecord, entry), key.id))
      case 'facts':
        return this.#swap('facts', key.id, decode(FactsRecord, entry))
      case 'alive':
        return this.#swap('alive', key.id, decode(AliveRecord, entry))
      case 'router':
        return this.#swap('router', key.id, own(decode(RouterRecord, entry), key.id))
      case 'placement':
        return this.#swap('placement', key.id, decode(PlacementRecord, entry))
      case 'publication':
        return this.#swap('publication', key.id, own(decode(PublicationRecord, entry), key.id))
      case 'uplink':
        return this.#uplink(key.name, key.host, decode(UplinkRecord, entry))
      case 'reservation':
        return this.#reservation(key.network, key.name, decode(ReservationRecord, entry))
      case 'held':
        this.#pool(key.subnet).hold(key.hex, decode(HeldRecord, entry))
        return undefined
      case 'reserved':
        this.#pool(key.subnet).reserve(key.hex, decode(ReservedRecord, entry))
        return undefined
      case 'vni':
        this.vnis.set(key.vni, decode(VniRecord, entry).value.network)
        return undefined
      case 'path':
        this.paths.set(pathBetween(key.first, key.second), decode(PathRecord, entry))
        return undefined
      case 'removals':
        decode(RemovalsRecord, entry)
        this.removalsAllowed.add(key.id)
        return undefined
      case 'name':
        decode(NetworkNameRecord, entry)
        return undefined
      case 'vtep':
        decode(VtepRecord, entry)
        return undefined
      case 'subnets-generation':
        decode(SubnetsGenerationRecord, entry)
        return undefined
      case 'publications-generation':
        decode(PublicationsGenerationRecord, entry)
        return undefined
      case 'guard':
      // Of a newer version, perhaps: none of our business.
      case 'other':
        return undefined
    }
  }

  #heal(key: string): void {
    this.damaged.delete(key)
    this.#settle(key)
  }

  #settle(key: string): void {
    this.lost.delete(key)
    this.recallable.delete(key)
  }

  /**
   * True for a value whose forerunner is part of intents and is not known here. What was damaged from its first write
   * never told anybody anything.
   */
  #wasReadable(key: ParsedKey, entry: RawEntry): boolean {
    if (entry.createRevision === entry.modRevision) return false
    switch (key.kind) {
      case 'network':
      case 'subnet':
      case 'endpoint':
      case 'facts':
      case 'router':
      case 'placement':
      case 'publication':
        return !this[PLACE[key.kind]].has(key.id)
      case 'uplink':
        return this.uplinks.get(key.name)?.has(key.host) !== true
      default:
        return false
    }
  }

  /** A damaged value still says that its address or VNI is taken. */
  #keepTaken(key: ParsedKey): void {
    if (key.kind === 'held') this.#pool(key.subnet).hold(key.hex, undefined)
    if (key.kind === 'reserved') this.#pool(key.subnet).reserve(key.hex, undefined)
    if (key.kind === 'vni') this.vnis.set(key.vni, undefined)
  }

  #swap(
    kind: keyof typeof PLACE,
    id: string,
    after: Stored<never> | Stored<unknown> | undefined,
  ): RecordChange | undefined {
    const map = this[PLACE[kind]] as Map<string, Stored<unknown>>
    const before = map.get(id)
    if (before === undefined && after === undefined) return undefined
    if (after === undefined) map.delete(id)
    else map.set(id, after)
    const change = {
      kind,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(kind === 'host' || kind === 'facts' || kind === 'alive' ? { host: id } : {}),
    } as RecordChange
    this.#reindex(change)
    return change
  }

  #reindex(change: RecordChange): void {
    switch (change.kind) {
      case 'endpoint':
        if (change.before !== undefined) this.#leave(change.before.value)
        if (change.after !== undefined) this.#take(change.after.value)
        return
      case 'subnet':
        if (change.after !== undefined) this.#pool(change.after.value.uid).define(change.after.value)
        else if (change.before !== undefined) this.#forgetPool(change.before.value.uid)
        return
      case 'facts':
        if (change.before !== undefined) this.#forgetAddresses(change.host)
        if (change.after !== undefined) this.#learnAddresses(change.host, change.after.value)
        return
      default:
        return
    }
  }

  #take({ uid, network, host, holder }: EndpointRecord): void {
    if (holder !== undefined) this.placed.add(uid)
    const hosts = upsert(this.participants, network, () => new Map<string, Set<string>>())
    upsert(hosts, host, () => new Set<string>()).add(uid)
    upsert(this.networksOfHost, host, () => new Set<string>()).add(network)
  }

  #leave({ uid, network, host }: EndpointRecord): void {
    this.placed.delete(uid)
    const hosts = this.participants.get(network)
    const uids = hosts?.get(host)
    uids?.delete(uid)
    if (uids?.size !== 0) return
    hosts?.delete(host)
    if (hosts?.size === 0) this.participants.delete(network)
    const networks = this.networksOfHost.get(host)
    networks?.delete(network)
    if (networks?.size === 0) this.networksOfHost.delete(host)
  }

  #learnAddresses(host: string, record: FactsRecord): void {
    for (const { name, addresses } of record.facts.interfaces) {
      for (const text of addresses) this.hostAddresses.set(hexOf(text), { host, interface: name })
    }
  }

  #forgetAddresses(host: string): void {
    for (const [hex, owner] of this.hostAddresses) if (owner.host === host) this.hostAddresses.delete(hex)
  }

  #uplink(name: string, host: string, after: Stored<UplinkRecord> | undefined): RecordChange | undefined {
    const sides = swapIn(this.uplinks, name, host, after)
    return sides === undefined ? undefined : { kind: 'uplink', name, host, ...sides }
  }

  #reservation(network: string, name: string, after: Stored<ReservationRecord> | undefined): RecordChange | undefined {
    const sides = swapIn(this.reservations, network, name, after)
    return sides === undefined ? undefined : { kind: 'reservation', ...sides }
  }

  #pool(subnet: string): SubnetPool {
    return upsert(this.pools, subnet, () => new SubnetPool())
  }

  #forgetPool(subnet: string): void {
    const pool = this.pools.get(subnet)
    if (!this.subnets.has(subnet) && pool?.held.size === 0 && pool.reserved.size === 0) this.pools.delete(subnet)
  }
}

const PLACE = {
  network: 'networks',
  subnet: 'subnets',
  endpoint: 'endpoints',
  host: 'hosts',
  facts: 'facts',
  alive: 'alive',
  router: 'routers',
  placement: 'placements',
  publication: 'publications',
} as const

function ofHost(stored: Stored<HostRecord>, id: string): Stored<HostRecord> {
  if (stored.value.id === id) return stored
  throw new WeftError('invalid', {
    what: 'record under the key of another',
    why: `it is the record of ${stored.value.id}`,
  })
}

/** Why a value cannot be read, without its key. */
function reasonOf(thrown: unknown): string {
  const { parts } = WeftError.from(thrown)
  return parts.why ?? parts.what
}

function own<T extends { uid: string }>(stored: Stored<T>, id: string): Stored<T> {
  if (stored.value.uid === id) return stored
  throw new WeftError('invalid', {
    what: 'record under the key of another',
    why: `it is the record of ${stored.value.uid}`,
  })
}

/** Puts a value into a map of maps, or takes it out; undefined when there was and is none. */
function swapIn<V>(
  maps: Map<string, Map<string, V>>,
  outer: string,
  inner: string,
  after: V | undefined,
): { before?: V; after?: V } | undefined {
  const map = upsert(maps, outer, () => new Map<string, V>())
  const before = map.get(inner)
  if (after === undefined) map.delete(inner)
  else map.set(inner, after)
  if (map.size === 0) maps.delete(outer)
  if (before === undefined && after === undefined) return undefined
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }
}

function upsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/** Facts name addresses with their prefix length or without. */
function hexOf(text: string): string {
  return addressToHex(text.includes('/') ? parseInterfaceAddress(text).address : parseAddress(text))
}

/** Where the records of a whole cluster lie. */
export const EVERYTHING = keys.cluster.slice(0, keys.cluster.indexOf('meta/'))
