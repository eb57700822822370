/** Published ports: whom a request means, whether its port is free, and how hosts and people see them. Pure. */
import {
  type Driver,
  driverFor,
  EndpointName,
  formatAddress,
  formatHostSide,
  formatPublication,
  type PublicationRequest,
  type PublicationSpec,
  type PublicationView,
  type PublishOn,
  parseAddress,
  parseOptions,
  parseWith,
  samePort,
  WeftError,
} from '@weft/shared'
import { endpointByRef, hostByRef, networkByRef } from './find.ts'
import type { EndpointRecord, NetworkRecord, PublicationRecord, Stored } from './records.ts'
import { type ClusterView, hostsOf } from './view.ts'

/** What a request means, every part of it checked. */
export interface PublicationPlan extends Omit<PublicationSpec, 'relayed'> {
  readonly on: PublishOn
}

/**
 * @throws `not_found` (container, network, host), `invalid` (nothing that could be published so), `conflict` (several
 * containers are meant; the port is another publication's: the error names it)
 */
export function planPublication(view: ClusterView, request: PublicationRequest, uid: string): PublicationPlan {
  const { protocol, hostPort, port } = request
  const hostIp = request.hostIp === undefined ? undefined : formatAddress(parseAddress(request.hostIp))
  const on = Array.isArray(request.on) ? [...new Set(request.on)].sort() : request.on
  if (Array.isArray(on)) for (const host of on) hostByRef(view, host)
  const { network, container } = targetOf(view, request)
  checkNetwork(network, on)
  if (hostIp !== undefined) checkHostIp(view, network, hostIp, on)
  const plan: PublicationPlan = {
    ...{ uid, network: network.uid, container, protocol, hostPort, port, on },
    ...(hostIp === undefined ? {} : { hostIp }),
  }
  const holder = [...view.publications.values()].find(({ value }) => samePort(plan, value) && meet(plan.on, value.on))
  if (holder !== undefined) throw portTaken(view, plan, holder.value)
  return plan
}

function targetOf(view: ClusterView, { container: ref, network }: PublicationRequest) {
  const only = network === undefined ? undefined : networkByRef(view, network).value
  const named = [...view.endpoints.values()].map(({ value }) => value).filter(({ name }) => name === ref)
  const networks = new Set(named.map((endpoint) => endpoint.network))
  if (only !== undefined && (networks.has(only.uid) || named.length === 0)) {
    // A name that nobody has yet is promised to whoever will have it; an id is somebody's already.
    const byId = named.length > 0 ? undefined : endpointOrNone(view, ref)
    if (byId === undefined) return { network: only, container: nameOf(ref) }
    return { network: networkOf(view, byId, only), container: containerOf(byId, ref) }
  }
  if (networks.size > 1) {
    const names = [...networks].map((uid) => view.networks.get(uid)?.value.name ?? uid).sort()
    throw new WeftError('conflict', {
      what: 'container is in several networks',
      on: ref,
      why: `it is in ${names.join(', ')}`,
      remedy: `say which: --network ${names[0]}`,
    })
  }
  const endpoint = named[0] ?? endpointByRef(view, ref).value
  return { network: networkOf(view, endpoint, only), container: containerOf(endpoint, ref) }
}

function endpointOrNone(view: ClusterView, ref: string): EndpointRecord | undefined {
  try {
    return endpointByRef(view, ref).value
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return undefined
    throw error
  }
}

function networkOf(view: ClusterView, endpoint: EndpointRecord, only: NetworkRecord | undefined): NetworkRecord {
  const network = view.networks.get(endpoint.network)?.value
  if (network !== undefined && (only === undefined || only.uid === network.uid)) return network
  throw new WeftError('not_found', {
    what: 'container is not in the network',
    on: `${endpoint.name ?? endpoint.uid} in ${only?.name ?? endpoint.network}`,
    ...(network === undefined ? {} : { why: `it is in ${network.name}` }),
    remedy: 'see weft endpoint ls',
  })
}

function containerOf({ name }: EndpointRecord, ref: string): string {
  if (name !== undefined) return name
  throw new WeftError('invalid', {
    what: 'endpoint has no container name',
    on: ref,
    why: 'a port is published by name, so that it follows the container',
    remedy: 'wait until its container has started',
  })
}

function nameOf(ref: string): string {
  return parseWith(EndpointName, ref, 'container name')
}

/** True where a host reaches the containers, or may have to, by an address of its own in the network. */
export function needsShim({ egress }: Pick<NetworkRecord, 'egress'>, on: PublishOn): boolean {
  return egress !== 'weft' || on !== 'own'
}

function checkNetwork(
  { name, internal, driver: driverName, options: given, egress }: NetworkRecord,
  on: PublishOn,
): void {
  const driver: Driver = driverFor(driverName)
  const options = parseOptions(driver, given)
  const refused = (why: string, remedy: string) =>
    new WeftError('invalid', { what: 'port cannot be published so', on: `network ${name}`, why, remedy })
  if (internal) {
    throw refused('it is internal: nothing leads in or out', 'connect the container to another network, too')
  }
  const deaf = needsShim({ egress }, on) ? driver.deaf(options) : undefined
  if (deaf !== undefined) throw refused(`its containers do not hear a host: ${deaf}`, 'use a network of another mode')
  if (on !== 'own' && !driver.spans(options)) {
    throw refused(
      'it does not join the hosts: only a container’s own host reaches it',
      'leave --host and --all-hosts out',
    )
  }
}

function checkHostIp(view: ClusterView, network: NetworkRecord, hostIp: string, on: PublishOn): void {
  const family = hostIp.includes(':') ? 'IPv6' : 'IPv4'
  const subnets = network.subnets.flatMap((uid) => view.subnets.get(uid)?.value.cidr ?? [])
  if (!subnets.some((cidr) => cidr.includes(':') === (family === 'IPv6'))) {
    throw new WeftError('invalid', {
      what: 'network has no addresses of that family',
      on: hostIp,
      why: `${network.name} has ${subnets.join(', ')}`,
      remedy: `name another --ip, or make the network with ${family}`,
    })
  }
  const owners = [...view.facts].filter(([, { value }]) =>
    value.facts.interfaces.some(({ addresses }) => addresses.some((text) => text.split('/')[0] === hostIp)),
  )
  const hosts = owners.map(([host]) => host)
  const lacking = Array.isArray(on) ? on.filter((host) => !hosts.includes(host)) : hosts.length === 0 ? ['no host'] : []
  if (lacking.length === 0) return
  const who = Array.isArray(on)
    ? `${lacking.join(', ')} ${lacking.length === 1 ? 'has' : 'have'} no such address`
    : 'no host has it'
  throw new WeftError('invalid', {
    what: 'address is not the host’s',
    on: hostIp,
    why: hosts.length === 0 ? who : `${who}; ${hosts.join(', ')} has it`,
    remedy: 'name an address that weft host inspect shows, or leave --ip out',
  })
}

/** Whether there may be a host on which both are. A container may move anywhere. */
function meet(a: PublishOn, b: PublishOn): boolean {
  return !Array.isArray(a) || !Array.isArray(b) || a.some((host) => b.includes(host))
}

function portTaken(view: ClusterView, plan: PublicationPlan, holder: PublicationRecord): WeftError {
  const network = view.networks.get(holder.network)?.value.name ?? holder.network
  const where = Array.isArray(holder.on) ? holder.on.join(', ') : holder.on === 'all' ? 'all hosts' : 'its own host'
  return new WeftError('conflict', {
    what: 'port is published already',
    on: `${formatHostSide(plan)}/${plan.protocol}`,
    why: `container ${holder.container} of network ${network} has it (${formatPublication(holder)} on ${where})`,
    remedy: `choose another port, or take it from that one: weft unpublish ${holder.container} ${holder.hostPort}/${holder.protocol}`,
  })
}

/** Hosts that open the port: of one that follows its container, those where a container of that name is. */
export function publishingHosts(view: ClusterView, { on, network, container }: PublicationPlan): string[] {
  if (on === 'all') return [...view.hosts.keys()]
  if (on !== 'own') return [...on]
  return hostsOf(view, network).filter((host) =>
    endpointsNamed(view, network, container).some((each) => each.host === host),
  )
}

function endpointsNamed(view: ClusterView, network: string, container: string): EndpointRecord[] {
  return [...(view.participants.get(network)?.values() ?? [])]
    .flatMap((uids) => [...uids].flatMap((uid) => view.endpoints.get(uid)?.value ?? []))
    .filter(({ name }) => name === container)
    .sort((a, b) => (a.uid < b.uid ? -1 : 1))
}

/** As a host sees it. */
export function publicationEntry(view: ClusterView, record: PublicationRecord): PublicationSpec {
  const network = view.networks.get(record.network)?.value
  const relayed = network !== undefined && needsShim(network, record.on)
  return { ...specOf(record), ...(relayed ? { relayed } : {}) }
}

function specOf(record: PublicationRecord) {
  const { uid, network, container, protocol, hostIp, hostPort, port } = record
  return { uid, network, container, protocol, ...(hostIp === undefined ? {} : { hostIp }), hostPort, port }
}

export function publicationView(
  view: ClusterView,
  { value, modRevision }: Stored<PublicationRecord>,
  warnings: readonly string[] = [],
): PublicationView {
  const target = endpointsNamed(view, value.network, value.container).find(({ state }) => state === 'attached')
  return {
    ...specOf(value),
    network: { uid: value.network, name: view.networks.get(value.network)?.value.name ?? value.network },
    on: value.on,
    ...(target === undefined ? {} : { target: { host: target.host, addresses: target.addresses.map(({ ip }) => ip) } }),
    createdAt: value.createdAt,
    revision: modRevision,
    warnings: [...warnings],
  }
}

/** Every publication, or those of one network; by network, container and port. @throws `not_found` (network) */
export function publicationViews(view: ClusterView, network?: string): PublicationView[] {
  const only = network === undefined ? undefined : networkByRef(view, network).value.uid
  const order = ({ network: { name }, container, hostPort, uid }: PublicationView) =>
    [name, container, String(hostPort).padStart(5, '0'), uid].join(' ')
  return [...view.publications.values()]
    .filter(({ value }) => only === undefined || value.network === only)
    .map((stored) => publicationView(view, stored))
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

/** By uid or unique beginning of one. @throws `not_found`, `conflict` */
export function publicationByRef(view: ClusterView, ref: string): Stored<PublicationRecord> {
  const found = [...view.publications.values()].filter(({ value }) => value.uid === ref || value.uid.startsWith(ref))
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  const remedy = 'see weft port'
  if (first === undefined) throw new WeftError('not_found', { what: 'no such published port', on: ref, remedy })
  throw new WeftError('conflict', { what: 'more than one published port is meant', on: ref, remedy })
}
