/**
 * The value of every etcd key, as zod schemas. Each carries `v` (schema version), `req` (the request that wrote it, so
 * that a repeated request recognises its own work) and, where it is edited, `gen` (how often it was written).
 */
import {
  AuxAddresses,
  CidrText,
  EGRESS_MODES,
  EndpointName,
  HostFacts,
  InterfaceName,
  IpText,
  Mac,
  Name,
  NetworkSpec,
  PathMtu,
  PublicationSpec,
  PublishedPort,
  PublishOn,
  parseJsonWith,
  Uid,
  WeftError,
} from '@weft/shared'
import { z } from 'zod'

const common = { v: z.literal(1), req: z.string().max(64) }
const edited = { ...common, gen: z.number().int().positive() }
/** A time as people read it, ISO 8601 in UTC. Ownership never depends on one (TRUTH.md I25). */
const Time = z.string().max(30)

export const ClusterRecord = z.strictObject({ ...common, id: z.string().min(8).max(64), createdAt: Time })
export const IncarnationRecord = z.strictObject({ ...common, incarnation: z.number().int().positive() })
export const SubnetsGenerationRecord = z.strictObject({ ...edited })
export const PublicationsGenerationRecord = z.strictObject({ ...edited })

export const NetworkRecord = z.strictObject({
  ...edited,
  ...NetworkSpec.omit({ subnets: true }).shape,
  /** In the order in which they were asked for. */
  subnets: z.array(Uid),
  createdAt: Time,
  warnings: z.array(z.string()),
  /** Hash of the request, to tell a repeated request from another one under the same id. */
  wish: z.string(),
})
export type NetworkRecord = z.infer<typeof NetworkRecord>

export const NetworkNameRecord = z.strictObject({ ...common, network: Uid })
export const VniRecord = z.strictObject({ ...common, network: Uid })
/** Who has a MAC in a network: an endpoint, a reservation, or both when the endpoint has its name. */
export const MacRecord = z.strictObject({
  ...common,
  endpoint: Uid.optional(),
  reservation: EndpointName.optional(),
})
export type MacRecord = z.infer<typeof MacRecord>
export const VtepRecord = z.strictObject({ ...common, host: Name })

export const SubnetRecord = z.strictObject({
  ...edited,
  uid: Uid,
  network: Uid,
  cidr: CidrText,
  gateway: IpText.optional(),
  ipRange: CidrText.optional(),
  auxAddresses: AuxAddresses,
})
export type SubnetRecord = z.infer<typeof SubnetRecord>

export const HeldRecord = z.strictObject({
  ...common,
  endpoint: Uid,
  host: Name,
  /** True when Weft chose the address; the next choice goes on from the last such one. */
  chosen: z.boolean(),
})
export type HeldRecord = z.infer<typeof HeldRecord>

export const RESERVED_FOR = ['network', 'broadcast', 'anycast', 'gateway', 'auxiliary', 'quarantine', 'name'] as const
export const ReservedRecord = z.strictObject({
  ...common,
  purpose: z.enum(RESERVED_FOR),
  /** Name of an auxiliary address; the container's name; for quarantine: who had it ("container web on docker1"). */
  label: z.string().max(300).optional(),
  /** When the quarantine is due to end, for people; the leader counts by its own monotonic clock. */
  until: Time.optional(),
  /** The host of who had it could not be asked to give it up: the quarantine ends by time alone. */
  unasked: z.literal(true).optional(),
})
export type ReservedRecord = z.infer<typeof ReservedRecord>

/** Who has an endpoint that is no container's. */
export const Holder = z.discriminatedUnion('kind', [
  /** The endpoint's host: its own access to the network. */
  z.strictObject({ kind: z.literal('shim') }),
  z.strictObject({ kind: z.literal('router'), router: Uid, name: Name }),
])

/** Addresses and a MAC that belong to a container's name. Each address has a reserved record of purpose `name`, too. */
export const ReservationRecord = z.strictObject({
  ...edited,
  network: Uid,
  name: EndpointName,
  /** IPv4 first; one a family. */
  addresses: z.array(z.strictObject({ subnet: Uid, ip: IpText })).min(1),
  mac: Mac,
  createdAt: Time,
})
export type ReservationRecord = z.infer<typeof ReservationRecord>

export const EndpointRecord = z.strictObject({
  ...edited,
  uid: Uid,
  network: Uid,
  host: Name,
  mac: Mac,
  /** IPv4 first. */
  addresses: z.array(z.strictObject({ subnet: Uid, ip: IpText })).min(1),
  state: z.enum(['pending', 'attached', 'detached']),
  name: EndpointName.optional(),
  aliases: z.array(EndpointName),
  containerId: z.string().max(64).optional(),
  dockerEndpointId: z.string().max(64).optional(),
  ports: z.array(PublishedPort).optional(),
  /** Its network's egress when Docker started its container, and the way out that it has now where that is another. */
  joinedEgress: z.enum(EGRESS_MODES).optional(),
  egress: z.enum(EGRESS_MODES).optional(),
  createdAt: Time,
  /** It has addresses that belong to its name. */
  reserved: z.literal(true).optional(),
  /** Its host is to give it back as soon as its container is stopped. */
  yields: z.literal(true).optional(),
  /** A complete report of this epoch of the host did not list it. */
  missing: z.strictObject({ epoch: z.number().int(), since: Time }).optional(),
  /** Absent: a container's. */
  holder: Holder.optional(),
})
export type EndpointRecord = z.infer<typeof EndpointRecord>

export const RouterRecord = z.strictObject({
  ...edited,
  uid: Uid,
  name: Name,
  /** Where it is to be while that host lives. */
  preferred: Name.optional(),
  /** In the order in which they were connected. */
  networks: z.array(Uid),
  createdAt: Time,
})
export type RouterRecord = z.infer<typeof RouterRecord>

/** Which host carries a router; `gen` counts its moves, and of two hosts the one with the lower has to be silent. */
export const PlacementRecord = z.strictObject({ ...edited, router: Uid, host: Name, since: Time })
export type PlacementRecord = z.infer<typeof PlacementRecord>

export const UplinkRecord = z.strictObject({ ...edited, interface: InterfaceName })
export type UplinkRecord = z.infer<typeof UplinkRecord>

/** `on`: the host that runs the container, every host, or these. */
export const PublicationRecord = z.strictObject({
  ...edited,
  ...PublicationSpec.omit({ relayed: true }).shape,
  on: PublishOn,
  createdAt: Time,
  /** As of a network. */
  wish: z.string(),
})
export type PublicationRecord = z.infer<typeof PublicationRecord>

export const HostRecord = z.strictObject({
  ...edited,
  id: Name,
  epoch: z.number().int().positive(),
  instance: z.string(),
  joinedAt: Time,
})
export type HostRecord = z.infer<typeof HostRecord>

export const FactsRecord = z.strictObject({ ...common, facts: HostFacts })
export type FactsRecord = z.infer<typeof FactsRecord>

/** The largest outer packet with DF that passed between two hosts, of those tried, when these were their addresses. */
export const PathRecord = z.strictObject({
  ...common,
  ...PathMtu.shape,
  hosts: z.tuple([Name, Name]),
  addresses: z.tuple([z.string(), z.string()]),
  at: Time,
})
export type PathRecord = z.infer<typeof PathRecord>

export const AliveRecord = z.strictObject({
  ...common,
  epoch: z.number().int(),
  instance: z.string(),
  since: Time,
  address: z.string(),
})
export type AliveRecord = z.infer<typeof AliveRecord>

/** The operator's mark that many removals at once are meant. */
export const RemovalsRecord = z.strictObject({ ...common, since: Time })

/** What to do about a value that somebody wrote by hand, or that a newer version wrote. */
export const DAMAGE_REMEDY = 'put back its last good value (etcdctl get --rev, a backup), or etcdctl del KEY'

/** How a request came in: over the unix socket, from local root, or over TCP with the cluster's secret. */
export const ACTORS = ['local', 'secret'] as const
export type Actor = (typeof ACTORS)[number]

/** Who changed what (TRUTH.md I27). */
export const AuditRecord = z.strictObject({
  ...common,
  /** By the clock of the controller that made the change. */
  time: Time,
  actor: z.enum(ACTORS),
  action: z.enum([
    'host.allow-removals',
    'network.create',
    'network.update',
    'network.remove',
    'ip.reserve',
    'ip.release',
    'uplink.set',
    'host.remove',
    'router.create',
    'router.connect',
    'router.disconnect',
    'router.move',
    'router.remove',
    'publication.create',
    'publication.remove',
  ]),
  /** What was changed, by name: `network front (uid)`, `uplink lan of docker1 = eth0`. */
  object: z.string(),
})
export type AuditRecord = z.infer<typeof AuditRecord>

/** A record together with its place in etcd's history. */
export interface Stored<T> {
  readonly value: T
  readonly createRevision: number
  readonly modRevision: number
}

/** Reads one etcd entry. Throws `internal` naming the key: whoever asked for something has done nothing wrong. */
export function decode<S extends z.ZodType>(
  schema: S,
  entry: {
    readonly key: string
    readonly value: string
    readonly createRevision: number
    readonly modRevision: number
  },
): Stored<z.output<S>> {
  return { value: readValue(schema, entry), createRevision: entry.createRevision, modRevision: entry.modRevision }
}

function readValue<S extends z.ZodType>(
  schema: S,
  entry: { readonly key: string; readonly value: string },
): z.output<S> {
  try {
    return parseJsonWith(schema, entry.value, 'record')
  } catch (cause) {
    const { on, why } = WeftError.from(cause).parts
    throw new WeftError('internal', {
      what: 'etcd record cannot be read',
      on: entry.key,
      why: on === undefined ? (why ?? 'not understood') : `${on}: ${why}`,
      remedy: DAMAGE_REMEDY,
      cause,
    })
  }
}
