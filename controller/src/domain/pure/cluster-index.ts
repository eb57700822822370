/**
 * Keeps a {@link ClusterView} from etcd's entries, one at a time, each in O(1) or so.
 *
 * Invariants
 * - Fed the same entries in the same order, two of them are equal.
 * - A value that cannot be read changes nothing but `damaged` and `lost`: a bad record never removes anything from a host.
 */
import { WeftError } from '@weft/shared'
import { HostAddresses } from './host-addresses.ts'
import { type ParsedKey, parseKey } from './keys.ts'
import { swapIn, upsert } from './nested-maps.ts'
import { Participation } from './participation.ts'
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
import { type RawEntry, Unreadable } from './unreadable.ts'
import type { ClusterView, RecordChange } from './view.ts'

export class ClusterIndex implements ClusterView {
  revision = 0
  cluster: string | undefined
  incarnation = 0
  readonly networks = new Map<string, Stored<NetworkRecord>>()
  readonly subnets = new Map<string, Stored<SubnetRecord>>()
  readonly pools = new Map<string, SubnetPool>()
  readonly endpoints = new Map<string, Stored<EndpointRecord>>()
  readonly #participation = new Participation()
  readonly placed = this.#participation.placed
  readonly routers = new Map<string, Stored<RouterRecord>>()
  readonly placements = new Map<string, Stored<PlacementRecord>>()
  readonly reservations = new Map<string, Map<string, Stored<ReservationRecord>>>()
  readonly participants = this.#participation.participants
  readonly networksOfHost = this.#participation.networksOfHost
  readonly vnis = new Map<number, string | undefined>()
  readonly uplinks = new Map<string, Map<string, Stored<UplinkRecord>>>()
  readonly publications = new Map<string, Stored<PublicationRecord>>()
  readonly hosts = new Map<string, Stored<HostRecord>>()
  readonly paths = new Map<string, Stored<PathRecord>>()
  readonly facts = new Map<string, Stored<FactsRecord>>()
  readonly alive = new Map<string, Stored<AliveRecord>>()
  readonly #addresses = new HostAddresses()
  readonly hostAddresses = this.#addresses.owners
  readonly removalsAllowed = new Set<string>()
  readonly unreadable = new Unreadable()
  readonly damaged = this.unreadable.damaged
  readonly lost = this.unreadable.lost

  /** Takes in a written entry; undefined when nothing that others look at changed. */
  put(entry: RawEntry): RecordChange | undefined {
    const key = parseKey(entry.key)
    try {
      const change = this.#put(key, entry)
      this.unreadable.forget(entry.key)
      return change
    } catch (thrown) {
      this.unreadable.take(entry, thrown, this.#isOfIntents(key) && !this.#isKnown(key))
      this.#keepTaken(key)
      return undefined
    }
  }

  /** Takes in an older version of a lost key: one that can be read is in force from then on, as if it had been read in its time. */
  recall(entry: RawEntry): RecordChange | undefined {
    if (!this.lost.has(entry.key)) return undefined
    try {
      const change = this.#put(parseKey(entry.key), entry)
      this.unreadable.found(entry.key)
      return change
    } catch {
      // The key is in `damaged`, with what is wrong with its newest version.
      this.unreadable.takeOlder(entry)
      return undefined
    }
  }

  /** Takes in that a key is gone. */
  delete(entryKey: string): RecordChange | undefined {
    this.unreadable.forget(entryKey)
    const key = parseKey(entryKey)
    if (isOne(key)) return this.#swap(key, undefined)
    switch (key.kind) {
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
    if (isOne(key)) return this.#swap(key, ONE_OF_MANY[key.kind].read(entry, key.id))
    switch (key.kind) {
      case 'cluster':
        this.cluster = decode(ClusterRecord, entry).value.id
        return undefined
      case 'incarnation':
        this.incarnation = decode(IncarnationRecord, entry).value.incarnation
        return undefined
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

  #isOfIntents(key: ParsedKey): boolean {
    return key.kind === 'uplink' || (isOne(key) && key.kind !== 'host' && key.kind !== 'alive')
  }

  #isKnown(key: ParsedKey): boolean {
    if (key.kind === 'uplink') return this.uplinks.get(key.name)?.has(key.host) === true
    return isOne(key) && this[ONE_OF_MANY[key.kind].place].has(key.id)
  }

  /** A damaged value still says that its address or VNI is taken. */
  #keepTaken(key: ParsedKey): void {
    if (key.kind === 'held') this.#pool(key.subnet).hold(key.hex, undefined)
    if (key.kind === 'reserved') this.#pool(key.subnet).reserve(key.hex, undefined)
    if (key.kind === 'vni') this.vnis.set(key.vni, undefined)
  }

  #swap({ kind, id }: OneKey, after: Stored<unknown> | undefined): RecordChange | undefined {
    const map = this[ONE_OF_MANY[kind].place] as Map<string, Stored<unknown>>
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
        if (change.before !== undefined) this.#participation.leave(change.before.value)
        if (change.after !== undefined) this.#participation.take(change.after.value)
        return
      case 'subnet':
        if (change.after !== undefined) this.#pool(change.after.value.uid).define(change.after.value)
        else if (change.before !== undefined) this.#forgetPool(change.before.value.uid)
        return
      case 'facts':
        if (change.before !== undefined) this.#addresses.forget(change.host)
        if (change.after !== undefined) this.#addresses.learn(change.host, change.after.value)
        return
      default:
        return
    }
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

/** Records that are kept by their ids: where, and how each is read. */
const ONE_OF_MANY = {
  network: { place: 'networks', read: (entry: RawEntry, id: string) => own(decode(NetworkRecord, entry), id) },
  subnet: { place: 'subnets', read: (entry: RawEntry, id: string) => own(decode(SubnetRecord, entry), id) },
  endpoint: { place: 'endpoints', read: (entry: RawEntry, id: string) => own(decode(EndpointRecord, entry), id) },
  host: { place: 'hosts', read: (entry: RawEntry, id: string) => own(decode(HostRecord, entry), id) },
  facts: { place: 'facts', read: (entry: RawEntry) => decode(FactsRecord, entry) },
  alive: { place: 'alive', read: (entry: RawEntry) => decode(AliveRecord, entry) },
  router: { place: 'routers', read: (entry: RawEntry, id: string) => own(decode(RouterRecord, entry), id) },
  placement: { place: 'placements', read: (entry: RawEntry) => decode(PlacementRecord, entry) },
  publication: {
    place: 'publications',
    read: (entry: RawEntry, id: string) => own(decode(PublicationRecord, entry), id),
  },
} as const

interface OneKey {
  readonly kind: keyof typeof ONE_OF_MANY
  readonly id: string
}

function isOne(key: ParsedKey): key is OneKey & ParsedKey {
  return key.kind in ONE_OF_MANY
}

/** @throws `invalid` for a record that names another than its key does */
function own<T extends { readonly uid: string } | { readonly id: string }>(stored: Stored<T>, id: string): Stored<T> {
  const named = 'uid' in stored.value ? stored.value.uid : stored.value.id
  if (named === id) return stored
  throw new WeftError('invalid', { what: 'record under the key of another', why: `it is the record of ${named}` })
}
