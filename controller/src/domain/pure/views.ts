/** Endpoints, hosts and uplinks as the API shows them. */
import { driverFor, type EndpointView, type HostView, parseOptions, type UplinkView, WeftError } from '@weft/shared'
import { endpointByRef, hostByRef, networkByRef } from './find.ts'
import { parentOn } from './parent-on-host.ts'
import type { EndpointRecord, HostRecord, Stored } from './records.ts'
import { type ClusterView, containersIn } from './view.ts'

export function endpointView(view: ClusterView, { value }: Stored<EndpointRecord>): EndpointView {
  const { uid, network, host, name, aliases, mac, addresses, state, containerId, ports, createdAt, holder } = value
  return {
    uid,
    network: { uid: network, name: view.networks.get(network)?.value.name ?? network },
    host,
    ...(name === undefined ? {} : { name }),
    aliases,
    mac: macOnWire(view, value) ?? mac,
    addresses: addresses.map(({ ip }) => ip),
    state,
    ...(containerId === undefined ? {} : { containerId }),
    ...(ports === undefined ? {} : { ports }),
    ...(lagging(view, value) ?? {}),
    createdAt,
    ...(holder === undefined ? {} : { role: holder.kind }),
    ...(holder?.kind === 'router' ? { router: holder.name } : {}),
  }
}

/** The way out that its host tells of, where the network has another by now. */
function lagging(view: ClusterView, { network, joinedEgress, egress = joinedEgress }: EndpointRecord) {
  const wanted = view.networks.get(network)?.value.egress
  return egress === undefined || egress === wanted ? undefined : { egress }
}

/** The parent's, where containers have that one; undefined where they have their own, or nothing is known of the host. */
function macOnWire(view: ClusterView, endpoint: EndpointRecord): string | undefined {
  const network = view.networks.get(endpoint.network)?.value
  if (network === undefined) return undefined
  const driver = driverFor(network.driver)
  const options = parseOptions(driver, network.options)
  const parent = driver.macs(options) === 'parent' ? driver.parent(options) : undefined
  return parent === undefined ? undefined : parentOn(view, endpoint.host, parent)?.mac
}

/** By uid or unique beginning of one, container name, or beginning of a container id. Throws `not_found`, `conflict`. */
export function findEndpoint(view: ClusterView, ref: string): EndpointView {
  return endpointView(view, endpointByRef(view, ref))
}

/** Endpoints of a network and of a host, if named; by network, host, name. Throws `not_found` for an unknown name. */
export function endpointViews(
  view: ClusterView,
  filter: { readonly network?: string | undefined; readonly host?: string | undefined } = {},
): EndpointView[] {
  const network = filter.network === undefined ? undefined : networkByRef(view, filter.network).value.uid
  const host = filter.host === undefined ? undefined : hostByRef(view, filter.host).value.id
  const order = (endpoint: EndpointView) =>
    [endpoint.network.name, endpoint.host, endpoint.name ?? '', endpoint.uid].join(' ')
  return [...view.endpoints.values()]
    .filter(({ value }) => network === undefined || value.network === network)
    .filter(({ value }) => host === undefined || value.host === host)
    .map((stored) => endpointView(view, stored))
    .map((endpoint) => ({ endpoint, key: order(endpoint) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ endpoint }) => endpoint)
}

/** By id. Throws `not_found`, also while nothing readable is known of it. */
export function findHost(view: ClusterView, ref: string): HostView {
  const found = hostView(view, hostByRef(view, ref))
  if (found !== undefined) return found
  throw new WeftError('not_found', { what: 'host has told nothing of itself', on: ref, remedy: 'restart its agent' })
}

/** Every host, by id. A host without facts (a damaged record) is left out: its view could not be true. */
export function hostViews(view: ClusterView): HostView[] {
  return [...view.hosts.values()]
    .flatMap((stored) => hostView(view, stored) ?? [])
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

export function hostView(view: ClusterView, { value }: Stored<HostRecord>): HostView | undefined {
  const facts = view.facts.get(value.id)?.value.facts
  if (facts === undefined) return undefined
  const networks = [...(view.networksOfHost.get(value.id) ?? [])]
  const uplinks = [...view.uplinks].flatMap(([name, hosts]) => {
    const uplink = hosts.get(value.id)
    return uplink === undefined ? [] : [[name, uplink.value.interface] as const]
  })
  return {
    id: value.id,
    alive: view.alive.get(value.id)?.value.epoch === value.epoch,
    epoch: value.epoch,
    joinedAt: value.joinedAt,
    facts,
    uplinks: Object.fromEntries(uplinks.sort(([a], [b]) => (a < b ? -1 : 1))),
    endpoints: networks.reduce((sum, uid) => sum + containersIn(view, uid, value.id), 0),
  }
}

/** One uplink; without hosts when nobody maps it. */
export function uplinkView(view: ClusterView, name: string): UplinkView {
  const hosts = [...(view.uplinks.get(name) ?? [])].map(([host, { value }]) => [host, value.interface] as const)
  return { name, hosts: Object.fromEntries(hosts.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** Every uplink, by name. */
export function uplinkViews(view: ClusterView): UplinkView[] {
  return [...view.uplinks.keys()].sort().map((name) => uplinkView(view, name))
}
