/**
 * Ports of the host that lead to containers: those of publications and those that Docker's `-p` asks for where containers
 * leave through Weft's gateway. Pure. Addresses are translated before routing (nft `dnat`).
 *
 * A container of this host behind Weft's gateway is reached through that, and sees the client's own address. Any other, on
 * another host or with another way out, is reached through this host's shim in the network, and sees the shim's: its
 * answer would not come back here otherwise. What may then pass is one table's affair (shared/src/drivers/gateway-table.ts).
 *
 * Invariants
 * - A port leads somewhere only while its container runs; before and afterwards the host itself refuses connections.
 * - A port on which somebody on the host listens is not opened, and neither is one that an earlier one has: it is a problem
 *   of the host, by name.
 * - Without its shim the host has not yet heard of the network's other containers: it says so rather than seem to be done.
 */
import {
  type DriverHost,
  EMPTY_HOST_STATE,
  type EndpointSpec,
  type EntryMap,
  formatHostSide,
  formatPublication,
  type HostPortClaim,
  type HostProblem,
  type HostState,
  hasOwnGateway,
  type LocalEndpoint,
  type PublicationSpec,
  parseAddress,
  passingTable,
  samePort,
} from '@weft/shared'
import { networkOf, withoutPrefix } from '../state/networks.ts'
import { type OpenPort, publishTable } from './publish-table.ts'

/** A port that somebody on the host has, and who. */
export type TakenPort = HostPortClaim & { readonly by: string }

export interface PublishInput {
  readonly entries: EntryMap
  /** This host's containers, by network uid. */
  readonly endpoints: ReadonlyMap<string, readonly LocalEndpoint[]>
  readonly hostId: string
}

export interface Published {
  readonly state: HostState
  readonly problems: HostProblem[]
}

/** Leads nowhere, without addresses, while its container does not run. */
interface Wanted extends OpenPort {
  readonly what: string
  /** Why it cannot be opened, whoever has the port. */
  readonly lacks?: HostProblem
}

/** What the host's own listeners may stand in the way of. */
export function claimsOf(input: PublishInput): HostPortClaim[] {
  return wantedPorts(input).map(({ protocol, hostPort, hostIp }) => ({
    protocol,
    port: hostPort,
    ...(hostIp === undefined ? {} : { ip: hostIp }),
  }))
}

export function publishedPorts(
  input: PublishInput & { readonly taken: readonly TakenPort[]; readonly underlay: DriverHost['underlay'] },
): Published {
  const opened: Wanted[] = []
  const problems: HostProblem[] = []
  for (const wanted of wantedPorts(input)) {
    const listener = input.taken.find((each) => {
      return samePort(wanted, { protocol: each.protocol, hostPort: each.port, hostIp: each.ip })
    })
    const by = opened.find((each) => samePort(each, wanted))?.what ?? listener?.by
    if (by !== undefined) problems.push(portTaken(wanted, by))
    else if (wanted.lacks !== undefined) problems.push(wanted.lacks)
    else opened.push(wanted)
  }
  const leading = opened.filter(({ addresses }) => addresses.length > 0)
  const shims = publicationsIn(input.entries).flatMap(({ network }) => shimIn(input, network) ?? [])
  const families = shims.flatMap(({ addresses }) => addresses.map((address) => parseAddress(address).family))
  const state: HostState = {
    ...EMPTY_HOST_STATE,
    nftTables: [
      ...(leading.length === 0 ? [] : [publishTable(leading)]),
      ...(shims.length === 0 ? [] : [passingTable(input.underlay.interface)]),
    ],
    hostForwarding: [...new Set(families)],
  }
  return { state, problems }
}

export function publicationsIn(entries: EntryMap): PublicationSpec[] {
  return [...entries.values()].filter((entry) => entry.kind === 'publication').sort((a, b) => (a.uid < b.uid ? -1 : 1))
}

/** Docker's own first: a container that runs had its port before. */
function wantedPorts(input: PublishInput): Wanted[] {
  const own = [...input.endpoints.values()].flat().flatMap((endpoint) =>
    (endpoint.ports ?? []).map((port) => ({
      ...port,
      what: `port ${formatPublication(port)} of container ${endpoint.name ?? endpoint.uid} (docker run -p)`,
      addresses: runs(endpoint) ? endpoint.addresses.map(withoutPrefix) : [],
    })),
  )
  const sorted = own.sort((a, b) => (a.what < b.what ? -1 : 1))
  return [...sorted, ...publicationsIn(input.entries).map((publication) => wantedBy(publication, input))]
}

function wantedBy(publication: PublicationSpec, input: PublishInput): Wanted {
  const { network: uid, container } = publication
  const what = `publication ${formatPublication(publication)} of container ${container}`
  const network = networkOf(input.entries, uid)
  const local = (input.endpoints.get(uid) ?? []).find((endpoint) => endpoint.name === container && runs(endpoint))
  if (network !== undefined && local !== undefined && hasOwnGateway(network)) {
    return { ...publication, what, addresses: local.addresses.map(withoutPrefix) }
  }
  if (publication.relayed !== true) return { ...publication, what, addresses: [] }
  const addresses = local?.addresses.map(withoutPrefix) ?? remoteNamed(input, publication)?.addresses ?? []
  if (shimIn(input, uid) !== undefined) return { ...publication, what, addresses }
  const lacks: HostProblem = {
    code: 'unavailable',
    message: `${what} is not open: this host has no address in network ${network?.name ?? uid} yet`,
    remedy: 'the leading controller gives it one; see weft status on why not: the subnet may be full',
  }
  return { ...publication, what, addresses, lacks }
}

function remoteNamed({ entries, hostId }: PublishInput, { network, container }: PublicationSpec) {
  return endpointsIn(entries, network)
    .filter(({ name, host, stopped, role }) => name === container && host !== hostId && !stopped && role === undefined)
    .sort((a, b) => (a.uid < b.uid ? -1 : 1))[0]
}

/** This host's own address in the network, if it has one. */
function shimIn({ entries, hostId }: PublishInput, network: string): EndpointSpec | undefined {
  return endpointsIn(entries, network).find(({ host, role }) => host === hostId && role === 'shim')
}

function endpointsIn(entries: EntryMap, network: string): EndpointSpec[] {
  return [...entries.values()].filter((entry) => entry.kind === 'endpoint').filter((entry) => entry.network === network)
}

/** Not while Docker has its interface in its hands on the way out. */
function runs({ attachment }: LocalEndpoint): boolean {
  return attachment.phase === 'sandbox' || (attachment.phase === 'in-flight' && attachment.sandbox !== undefined)
}

function portTaken({ what, hostIp, hostPort, protocol }: Wanted, by: string): HostProblem {
  const port = `${formatHostSide({ hostIp, hostPort })}/${protocol}`
  return {
    code: 'conflict',
    message: `${what} is not open: ${by} has ${port} on this host`.slice(0, 2000),
    remedy: 'free the port here, or publish another one: weft unpublish, weft publish',
  }
}
