/**
 * The cluster as the domain reads it: every record decoded, with the indexes that make questions cheap.
 * A view is live: it moves on when the cache does. Read it in one go, without an await in between.
 */
import type {
  AliveRecord,
  EndpointRecord,
  FactsRecord,
  HostRecord,
  NetworkRecord,
  PathRecord,
  PlacementRecord,
  PublicationRecord,
  ReservationRecord,
  RouterRecord,
  Stored,
  SubnetRecord,
  UplinkRecord,
} from './records.ts'
import type { SubnetPool } from './subnet-pool.ts'

export interface ClusterView {
  /** Everything up to this etcd revision is in the view. */
  readonly revision: number
  readonly cluster: string | undefined
  readonly incarnation: number
  readonly networks: ReadonlyMap<string, Stored<NetworkRecord>>
  readonly subnets: ReadonlyMap<string, Stored<SubnetRecord>>
  readonly pools: ReadonlyMap<string, SubnetPool>
  readonly endpoints: ReadonlyMap<string, Stored<EndpointRecord>>
  /** Uids of endpoints that are no container's: shims and legs of routers. */
  readonly placed: ReadonlySet<string>
  readonly routers: ReadonlyMap<string, Stored<RouterRecord>>
  /** By router. */
  readonly placements: ReadonlyMap<string, Stored<PlacementRecord>>
  /** Network uid -> container name -> what is reserved for it. */
  readonly reservations: ReadonlyMap<string, ReadonlyMap<string, Stored<ReservationRecord>>>
  /** Network uid -> host -> uids of its endpoints there. */
  readonly participants: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>
  /** Host -> network uids in which it has endpoints. */
  readonly networksOfHost: ReadonlyMap<string, ReadonlySet<string>>
  /** VNI -> the network that has it, undefined when its record is damaged. */
  readonly vnis: ReadonlyMap<number, string | undefined>
  /** Uplink name -> host -> interface. */
  readonly uplinks: ReadonlyMap<string, ReadonlyMap<string, Stored<UplinkRecord>>>
  readonly publications: ReadonlyMap<string, Stored<PublicationRecord>>
  readonly hosts: ReadonlyMap<string, Stored<HostRecord>>
  /** By pair (paths.ts). */
  readonly paths: ReadonlyMap<string, Stored<PathRecord>>
  readonly facts: ReadonlyMap<string, Stored<FactsRecord>>
  readonly alive: ReadonlyMap<string, Stored<AliveRecord>>
  /** Addresses (hex) that hosts themselves have on their interfaces. */
  readonly hostAddresses: ReadonlyMap<string, { readonly host: string; readonly interface: string }>
  /** Hosts whose next snapshots may take away many endpoints at once. */
  readonly removalsAllowed: ReadonlySet<string>
  /** Keys whose value cannot be read, and why. What they last said stays in force. */
  readonly damaged: ReadonlyMap<string, string>
  /**
   * Damaged keys that make hosts' intents and were readable once, though not by this controller, and of which etcd's
   * history tells no more: nobody can tell what hosts that they concern should have.
   */
  readonly lost: ReadonlySet<string>
}

interface Changed<K extends string, T> {
  readonly kind: K
  readonly before?: Stored<T>
  readonly after?: Stored<T>
}

/** What one record was and is. Absent `before`: made; absent `after`: removed. */
export type RecordChange =
  | Changed<'network', NetworkRecord>
  | Changed<'subnet', SubnetRecord>
  | Changed<'endpoint', EndpointRecord>
  | Changed<'router', RouterRecord>
  | Changed<'placement', PlacementRecord>
  | Changed<'reservation', ReservationRecord>
  | Changed<'publication', PublicationRecord>
  | (Changed<'host', HostRecord> & { readonly host: string })
  | (Changed<'facts', FactsRecord> & { readonly host: string })
  | (Changed<'alive', AliveRecord> & { readonly host: string })
  | (Changed<'uplink', UplinkRecord> & { readonly name: string; readonly host: string })

/** What one revision, or a few in a row, changed. */
export interface ClusterChange {
  readonly revision: number
  /** When the controller learned of it: wall clock, milliseconds. */
  readonly at: number
  /** Too much was missed to tell what changed: look at everything again. `records` is empty. */
  readonly reset: boolean
  readonly records: readonly RecordChange[]
}

/** Hosts that have endpoints in the network. */
export function hostsOf(view: ClusterView, network: string): readonly string[] {
  return [...(view.participants.get(network)?.keys() ?? [])]
}

/** How many endpoints containers have in the network, on one host or on all. */
export function containersIn(view: ClusterView, network: string, host?: string): number {
  const hosts = [...(view.participants.get(network) ?? [])].filter(([each]) => host === undefined || each === host)
  const uids = hosts.flatMap(([, all]) => [...all])
  return uids.reduce((count, uid) => count + (view.placed.has(uid) ? 0 : 1), 0)
}

/** The subnets of a network, in the order in which they were asked for. */
export function subnetsOf(view: ClusterView, network: NetworkRecord): SubnetRecord[] {
  return network.subnets.flatMap((uid) => view.subnets.get(uid)?.value ?? [])
}

/** What is reserved for a container's name in a network. */
export function reservationOf(
  view: ClusterView,
  network: string,
  name: string | undefined,
): Stored<ReservationRecord> | undefined {
  return name === undefined ? undefined : view.reservations.get(network)?.get(name)
}

/** Endpoints of a network, in no order. */
export function endpointsOf(view: ClusterView, network: string): Stored<EndpointRecord>[] {
  const hosts = [...(view.participants.get(network)?.values() ?? [])]
  return hosts.flatMap((uids) => [...uids].flatMap((uid) => view.endpoints.get(uid) ?? []))
}
