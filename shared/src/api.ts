/**
 * The HTTP API of the controller as one table: the server's routes, the CLI's client, the reference and the bad-input
 * tests are made from it. Bodies are JSON; an error is `{error: ErrorBody}` with the status of its code.
 */
import { z } from 'zod'
import { HostProblem } from './agent-protocol.ts'
import { DoctorCall, DoctorView } from './doctor.ts'
import { AuxAddresses, EGRESS_MODES, SubnetSpec } from './intent/entry.ts'
import { Position } from './intent/intent.ts'
import { CidrText, IpText } from './words/address-text.ts'
import { HostFacts } from './words/host-facts.ts'
import { EndpointName, InterfaceName, Mac, Name, RequestId, StringMap, Uid } from './words/names.ts'

export const SubnetRequest = z.strictObject({
  subnet: CidrText,
  gateway: IpText.optional(),
  ipRange: CidrText.optional(),
})
export type SubnetRequest = z.infer<typeof SubnetRequest>

export const NetworkCreateRequest = z.strictObject({
  req: RequestId,
  name: Name,
  driver: z.string().min(1).max(32),
  /** None: one is chosen from the cluster's pools (and one of IPv6 with `ipv6`). */
  subnets: z.array(SubnetRequest).max(16),
  auxAddresses: AuxAddresses,
  options: StringMap,
  labels: StringMap,
  internal: z.boolean(),
  ipv6: z.boolean(),
  /** Say what would be made and on which hosts; change nothing. */
  dryRun: z.boolean(),
})
export type NetworkCreateRequest = z.infer<typeof NetworkCreateRequest>

export const SubnetView = z.strictObject({
  ...SubnetSpec.shape,
  /** Addresses that endpoints can have at most, and that they have; decimal text, since IPv6 exceeds numbers. */
  usable: z.string(),
  used: z.number().int(),
  reserved: z.number().int(),
})

export const NetworkView = z.strictObject({
  uid: Uid,
  name: z.string(),
  driver: z.string(),
  createdAt: z.string(),
  options: StringMap,
  labels: StringMap,
  internal: z.boolean(),
  egress: z.enum(EGRESS_MODES),
  mtu: z.number().int().optional(),
  vni: z.number().int().optional(),
  subnets: z.array(SubnetView),
  endpoints: z.number().int(),
  /** etcd revision of the last change: what `status --wait` waits for. */
  revision: z.number().int(),
  /** What the admin should know though the request was granted ("docker3 has no eth1 yet"). */
  warnings: z.array(z.string()),
})
export type NetworkView = z.infer<typeof NetworkView>

export const EndpointView = z.strictObject({
  uid: Uid,
  network: z.strictObject({ uid: Uid, name: z.string() }),
  host: z.string(),
  name: EndpointName.optional(),
  aliases: z.array(z.string()),
  mac: Mac,
  addresses: z.array(z.string()),
  state: z.enum(['pending', 'attached', 'detached', 'releasing']),
  containerId: z.string().optional(),
  createdAt: z.string(),
})
export type EndpointView = z.infer<typeof EndpointView>

export const HostView = z.strictObject({
  id: z.string(),
  alive: z.boolean(),
  epoch: z.number().int(),
  joinedAt: z.string(),
  facts: HostFacts,
  uplinks: z.record(z.string(), z.string()),
  endpoints: z.number().int(),
})
export type HostView = z.infer<typeof HostView>

export const UplinkView = z.strictObject({ name: Name, hosts: z.record(z.string(), z.string()) })
export type UplinkView = z.infer<typeof UplinkView>

export const HostStatus = z.strictObject({
  id: z.string(),
  alive: z.boolean(),
  target: Position,
  accepted: Position.optional(),
  applied: z.number().int().optional(),
  /** Milliseconds since its last report, null when there was none. */
  reportAgeMs: z.number().nullable(),
  problems: z.array(HostProblem),
  converged: z.boolean(),
})
export type HostStatus = z.infer<typeof HostStatus>

export const StatusView = z.strictObject({
  cluster: z.string(),
  incarnation: z.number().int(),
  revision: z.number().int(),
  converged: z.boolean(),
  hosts: z.array(HostStatus),
  networks: z.number().int(),
  endpoints: z.number().int(),
  warnings: z.array(z.string()),
})
export type StatusView = z.infer<typeof StatusView>

/** One endpoint that a name, or an address, leads to. */
export const DnsView = z.strictObject({
  /** What a container of the network may ask for, in full: `web.mynet`. */
  name: z.string(),
  network: z.string(),
  addresses: z.array(z.string()),
  host: z.string(),
  /** Name of the container; absent while its host has not told it. */
  container: z.string().optional(),
  endpoint: Uid,
})
export type DnsView = z.infer<typeof DnsView>

export const EventView = z.strictObject({
  time: z.string(),
  revision: z.number().int(),
  type: z.enum(['network', 'endpoint', 'host', 'uplink']),
  action: z.enum(['create', 'update', 'delete']),
  id: z.string(),
  name: z.string().optional(),
  attributes: z.record(z.string(), z.string()),
})
export type EventView = z.infer<typeof EventView>

const Ref = z.string().min(1).max(128)
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

/** `params` are in the path, `query` behind `?`; a `stream` reply is one JSON object a line, without end. */
export const OPERATIONS = {
  networkCreate: { method: 'POST', path: '/v1/networks', body: NetworkCreateRequest, reply: NetworkView },
  networkList: { method: 'GET', path: '/v1/networks', reply: z.array(NetworkView) },
  networkInspect: {
    method: 'GET',
    path: '/v1/networks/:ref',
    params: z.strictObject({ ref: Ref }),
    reply: NetworkView,
  },
  networkRemove: {
    method: 'DELETE',
    path: '/v1/networks/:ref',
    params: z.strictObject({ ref: Ref }),
    query: z.strictObject({ req: RequestId }),
    reply: z.strictObject({ uid: Uid, name: z.string(), revision: z.number().int() }),
  },
  endpointList: {
    method: 'GET',
    path: '/v1/endpoints',
    query: z.strictObject({ network: Ref.optional(), host: Ref.optional() }),
    reply: z.array(EndpointView),
  },
  endpointInspect: {
    method: 'GET',
    path: '/v1/endpoints/:ref',
    params: z.strictObject({ ref: Ref }),
    reply: EndpointView,
  },
  /** Endpoints that a name (or an address, as PTR) leads to, as the containers of the networks hear it. */
  dnsLookup: {
    method: 'GET',
    path: '/v1/dns/:name',
    params: z.strictObject({ name: z.string().min(1).max(253) }),
    query: z.strictObject({ network: Ref.optional() }),
    reply: z.array(DnsView),
  },
  hostList: { method: 'GET', path: '/v1/hosts', reply: z.array(HostView) },
  hostInspect: { method: 'GET', path: '/v1/hosts/:ref', params: z.strictObject({ ref: Ref }), reply: HostView },
  uplinkList: { method: 'GET', path: '/v1/uplinks', reply: z.array(UplinkView) },
  uplinkSet: {
    method: 'PUT',
    path: '/v1/uplinks/:name/:host',
    params: z.strictObject({ name: Name, host: Name }),
    body: z.strictObject({ req: RequestId, interface: InterfaceName.nullable() }),
    reply: UplinkView,
  },
  status: {
    method: 'GET',
    path: '/v1/status',
    /** With `wait`, answers when every live host has applied `revision` (default: the newest), or after `timeoutMs`. */
    query: z.strictObject({
      wait: flag.optional(),
      revision: z.coerce.number().int().optional(),
      timeoutMs: z.coerce.number().int().min(1).max(600_000).optional(),
    }),
    reply: StatusView,
  },
  /** Runs the checks of these hosts, and the probes between these pairs; bounded to 15 s. */
  doctor: { method: 'POST', path: '/v1/doctor', body: DoctorCall, reply: DoctorView },
  events: { method: 'GET', path: '/v1/events', reply: EventView, stream: true },
  version: { method: 'GET', path: '/v1/version', reply: z.strictObject({ version: z.string(), cluster: z.string() }) },
} as const satisfies Record<
  string,
  {
    method: 'GET' | 'POST' | 'PUT' | 'DELETE'
    path: string
    params?: z.ZodType
    query?: z.ZodType
    body?: z.ZodType
    reply: z.ZodType
    stream?: true
  }
>
export type OperationName = keyof typeof OPERATIONS
