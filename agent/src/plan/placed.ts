/**
 * What of the intent is Weft's own on this host: its shims in networks with host access, the legs of the routers that it
 * carries, and the routes by which its containers reach what lies behind routers. Pure.
 *
 * Invariants
 * - A leg is made only on the host that the router's own record names.
 * - A shim has its one address and a route for each container: it takes no packet that another route of the host's carries.
 * - A container that is on a network itself reaches it by itself, never by a router.
 */
import {
  type Announcement,
  type Driver,
  driverFor,
  type EndpointSpec,
  type EntryMap,
  type HostState,
  hasOwnGateway,
  interfaceName,
  isSandbox,
  type LocalEndpoint,
  type Namespace,
  type NetworkSpec,
  parseAddress,
  parseCidr,
  parseOptions,
  type RouterSpec,
  routerNetns,
  WeftError,
} from '@weft/shared'
import { networkOf, otherSubnets, subnetOf, withoutPrefix, withPrefix } from '../state/networks.ts'
import { publicationsIn } from './publications.ts'

type Route = NonNullable<LocalEndpoint['routes']>[number]
type ByNetwork = ReadonlyMap<string, readonly LocalEndpoint[]>

/** Whether the router of that namespace, which the intent gives to this host, may be carried now. */
export type MayCarry = (netns: string) => boolean

/** The router namespaces of this host, made whether or not their networks can be expanded. */
export function routerNamespaces(entries: EntryMap, hostId: string, mayCarry: MayCarry): Namespace[] {
  return routersOf(entries)
    .filter(({ host }) => host === hostId)
    .map(({ uid }) => ({ netns: routerNetns(uid), forwarding: true }))
    .filter(({ netns }) => mayCarry(netns))
}

/** Addresses of Weft's own that were not up here before: on the wire they may be remembered elsewhere. */
export function announcements(desired: HostState, observed: HostState): Announcement[] {
  const up = new Set(observed.links.flatMap(({ netns, name, up }) => (up === true ? `${netns} ${name}` : [])))
  return desired.links
    .filter(
      ({ netns, name, presence }) => presence === 'required' && isPlaced(netns, name) && !up.has(`${netns} ${name}`),
    )
    .map(({ netns, name }) => ({
      netns,
      link: name,
      addresses: desired.addresses
        .filter((entry) => entry.netns === netns && entry.link === name)
        .map(({ address }) => withoutPrefix(address)),
    }))
}

const ROLES = [interfaceName('shim', ''), interfaceName('leg', '')].map((name) => name.slice(0, 3))

function isPlaced(netns: string, name: string): boolean {
  return !isSandbox(netns) && ROLES.some((role) => name.startsWith(role))
}

/** The containers' endpoints with their routes by routers, and Weft's own beside them. */
export function withPlaced(
  entries: EntryMap,
  containers: ByNetwork,
  hostId: string,
  mayCarry: MayCarry,
): Map<string, LocalEndpoint[]> {
  const routed = withRoutes(entries, containers)
  for (const entry of entries.values()) {
    if (entry.kind !== 'endpoint' || entry.host !== hostId || entry.role === undefined) continue
    const network = networkOf(entries, entry.network)
    if (network === undefined) continue
    const own =
      entry.role === 'shim' ? shim(entry, network, entries, containers) : leg(entry, network, entries, mayCarry)
    if (own !== undefined) routed.set(network.uid, [...(routed.get(network.uid) ?? []), own])
  }
  return routed
}

function shim(entry: EndpointSpec, network: NetworkSpec, entries: EntryMap, containers: ByNetwork): LocalEndpoint {
  const families = new Set(entry.addresses.map((address) => parseAddress(address).family))
  // Own ones from the records, unless Weft's gateway leads to them: they are wired before the controller's word of them is back.
  const local = hasOwnGateway(network) ? [] : (containers.get(network.uid) ?? [])
  const own = local.flatMap(({ addresses }) => addresses.map(withoutPrefix))
  const others = spans(network)
    ? endpointsIn(entries, network.uid).filter(({ host, role }) => host !== entry.host && role === undefined)
    : []
  const reached = [...own, ...others.flatMap(({ addresses }) => addresses)]
  return {
    uid: entry.uid,
    mac: entry.mac,
    addresses: entry.addresses.map(single),
    gateways: [],
    routes: [...new Set(reached)]
      .filter((address) => families.has(parseAddress(address).family))
      .sort()
      .map((address) => ({ destination: single(address) })),
    attachment: { phase: 'placed', role: 'shim', link: { netns: '', name: interfaceName('shim', entry.uid) } },
    ...(publicationsIn(entries).some((each) => each.network === network.uid) ? { forwards: true } : {}),
    name: 'host shim',
  }
}

function leg(
  entry: EndpointSpec,
  network: NetworkSpec,
  entries: EntryMap,
  mayCarry: MayCarry,
): LocalEndpoint | undefined {
  const router = entries.get(`router/${entry.router}`)
  if (router?.kind !== 'router' || router.host !== entry.host || !mayCarry(routerNetns(router.uid))) return undefined
  const addresses = entry.addresses.flatMap((address) => {
    const subnet = subnetOf(network, address)
    return subnet === undefined ? [] : withPrefix(address, subnet)
  })
  return {
    uid: entry.uid,
    mac: entry.mac,
    addresses,
    gateways: [],
    // It has an address of one subnet a family, and all of them are on this link.
    routes: otherSubnets(network, addresses).map((destination) => ({ destination })),
    attachment: {
      phase: 'placed',
      role: 'router',
      link: { netns: routerNetns(router.uid), name: interfaceName('leg', entry.uid) },
    },
    name: `router ${router.name}`,
  }
}

function withRoutes(entries: EntryMap, containers: ByNetwork): Map<string, LocalEndpoint[]> {
  const routers = routersOf(entries)
  const networksOf = new Map<string, Set<string>>()
  for (const [network, endpoints] of containers) {
    for (const { attachment } of endpoints) {
      const { netns } = attachment.link
      if (attachment.phase === 'sandbox') networksOf.set(netns, (networksOf.get(netns) ?? new Set()).add(network))
    }
  }
  /** Destinations that a sandbox has a route for already: one each, the first network's. */
  const taken = new Map<string, Set<string>>()
  const routed = new Map<string, LocalEndpoint[]>()
  for (const [network, endpoints] of [...containers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const beyond = routesBeyond(entries, routers, network)
    const given = endpoints.map((endpoint) => {
      const { phase, link } = endpoint.attachment
      if (phase !== 'sandbox' || beyond.length === 0) return endpoint
      const own = networksOf.get(link.netns) ?? new Set()
      const known = taken.get(link.netns) ?? new Set()
      taken.set(link.netns, known)
      const families = new Set(endpoint.addresses.map((address) => parseAddress(withoutPrefix(address)).family))
      const routes = beyond.filter(
        ({ to, destination, family }) => !own.has(to) && families.has(family) && !known.has(destination),
      )
      for (const { destination } of routes) known.add(destination)
      const added = routes.map(({ destination, via }) => ({ destination, via }))
      return { ...endpoint, routes: [...(endpoint.routes ?? []), ...added] }
    })
    routed.set(network, given)
  }
  return routed
}

interface Beyond extends Required<Route> {
  /** The network that the route leads to. */
  readonly to: string
  readonly family: 4 | 6
}

/** Routes from a network to all that its routers connect it with. */
function routesBeyond(entries: EntryMap, routers: readonly RouterSpec[], network: string): Beyond[] {
  return routers
    .filter(({ networks }) => networks.includes(network))
    .flatMap((router) => {
      const own = endpointsIn(entries, network).find((each) => each.router === router.uid)
      const hops = new Map(own?.addresses.map((address) => [parseAddress(address).family, address]))
      return router.networks
        .filter((other) => other !== network)
        .flatMap((to) => networkOf(entries, to)?.subnets.map(({ cidr }) => ({ to, cidr })) ?? [])
        .flatMap(({ to, cidr }) => {
          const { family } = parseCidr(cidr)
          const via = hops.get(family)
          return via === undefined ? [] : [{ to, family, destination: cidr, via }]
        })
    })
}

function routersOf(entries: EntryMap): RouterSpec[] {
  return [...entries.values()].filter((entry) => entry.kind === 'router').sort((a, b) => (a.uid < b.uid ? -1 : 1))
}

function endpointsIn(entries: EntryMap, network: string): EndpointSpec[] {
  return [...entries.values()].filter(
    (entry) => entry.kind === 'endpoint' && entry.network === network,
  ) as EndpointSpec[]
}

function spans(network: NetworkSpec): boolean {
  try {
    const driver: Driver = driverFor(network.driver)
    return driver.spans(parseOptions(driver, network.options))
  } catch (error) {
    // Of a network that cannot be read nothing is made; the plan reports why.
    if (error instanceof WeftError) return false
    throw error
  }
}

/** `10.0.0.7` as `10.0.0.7/32`. */
function single(address: string): string {
  return `${address}/${parseAddress(address).family === 4 ? 32 : 128}`
}
