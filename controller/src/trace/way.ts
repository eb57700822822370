/** The ways of packets from a container to another, or to an address, as the records have them; or why there is none. Pure. */
import { containsAddress, type DoctorFinding, familyOf, listed, parseAddress, parseCidr } from '@weft/shared'
import {
  type ClusterView,
  type EndpointRecord,
  isOfContainer,
  type NetworkRecord,
  routerViews,
} from '../domain/index.ts'

export interface Way {
  readonly network: NetworkRecord
  readonly from: EndpointRecord
  /** Absent: what has the address is not of the cluster. */
  readonly to?: EndpointRecord
  readonly address: string
  /** Its name, where the two are in different networks. */
  readonly router?: string
}

export interface Ways {
  readonly ways: readonly Way[]
  /** Why there is none. */
  readonly findings: readonly DoctorFinding[]
}

/** A container by the name that was written, and the host that has it. */
export interface Place {
  readonly container: string
  readonly host: string
}

/** As people say it. */
export function placeText({ container, host }: Place): string {
  return `${container} on ${host}`
}

/** Endpoints of a container, by its name or the beginning of its id; in the order of their networks' names. */
export function endpointsAt(view: ClusterView, { host, container: ref }: Place): EndpointRecord[] {
  return [...view.endpoints.values()]
    .map(({ value }) => value)
    .filter((each) => each.host === host && each.holder === undefined)
    .filter((each) => isOfContainer(each, ref))
    .sort((a, b) => (nameOf(view, a.network) < nameOf(view, b.network) ? -1 : 1))
}

/** An end as it was asked for, and what the cluster has of it. */
interface End {
  readonly text: string
  /** Absent: an address. */
  readonly place?: Place
  readonly endpoints: readonly EndpointRecord[]
}

/**
 * To a container, or to who has the address: by each network that both are on, else by routers between theirs. To an address
 * that nobody has: out of the container's networks.
 */
export function waysTo(view: ClusterView, from: Place, to: Place | string): Ways {
  const near = endAt(view, from)
  const far = typeof to === 'string' ? { text: to, endpoints: holdersOf(view, to) } : endAt(view, to)
  const alone = [
    ...(near.endpoints.length === 0 ? [onNoNetwork(view, from, far.endpoints)] : []),
    ...(far.endpoints.length === 0 && typeof to !== 'string' ? [onNoNetwork(view, to, near.endpoints)] : []),
  ]
  if (alone.length > 0) return { ways: [], findings: alone }
  if (far.endpoints.length === 0) return waysOut(view, near, far.text)
  const pairs = near.endpoints.flatMap((one) => far.endpoints.map((other) => [one, other] as const))
  const shared = pairs.flatMap(([one, other]) => (one.network === other.network ? wayBy(view, one, other) : []))
  const all = shared.length > 0 ? shared : pairs.flatMap(([one, other]) => wayByRouter(view, one, other))
  const ways = all.filter(({ address }) => typeof to !== 'string' || address === to)
  return { ways, findings: ways.length > 0 ? [] : [apart(view, near, far)] }
}

function endAt(view: ClusterView, place: Place): End {
  return { text: placeText(place), place, endpoints: endpointsAt(view, place) }
}

function holdersOf(view: ClusterView, address: string): EndpointRecord[] {
  return [...view.endpoints.values()]
    .map(({ value }) => value)
    .filter(({ addresses }) => addresses.some(({ ip }) => ip === address))
}

/** To an address that no endpoint has: a gateway's, or one beyond the cluster. */
function waysOut(view: ClusterView, near: End, address: string): Ways {
  const none = (finding: DoctorFinding): Ways => ({ ways: [], findings: [finding] })
  const asked = parseAddress(address)
  const subnet = [...view.subnets.values()].find(({ value }) => containsAddress(parseCidr(value.cidr), asked))?.value
  if (subnet !== undefined) {
    const network = view.networks.get(subnet.network)?.value
    const own = near.endpoints.find((each) => each.network === subnet.network)
    if (subnet.gateway !== address || network === undefined) return none(heldByNobody(view, subnet.network, address))
    if (network.egress !== 'weft' && network.egress !== 'gateway') return none(absentGateway(network, address))
    return own === undefined
      ? none(gatewayOfOthers(network, near, address))
      : { ways: [{ network, from: own, address }], findings: [] }
  }
  const out = near.endpoints.find(
    (each) => each.addresses.some(({ ip }) => familyOf(ip) === asked.family) && leadsOut(view, each),
  )
  const network = view.networks.get(out?.network ?? '')?.value
  if (out === undefined || network === undefined) return none(noWayOut(view, near, address))
  return { ways: [{ network, from: out, address }], findings: [] }
}

function nameOf(view: ClusterView, network: string): string {
  return view.networks.get(network)?.value.name ?? network
}

function networkNames(view: ClusterView, endpoints: readonly EndpointRecord[]): string {
  return listed([...new Set(endpoints.map(({ network }) => nameOf(view, network)))], 5)
}

/** One for each address of a family that both have. */
function wayBy(view: ClusterView, from: EndpointRecord, to: EndpointRecord, router?: string): Way[] {
  const network = view.networks.get(from.network)?.value
  if (network === undefined) return []
  const families = new Set(from.addresses.map(({ ip }) => familyOf(ip)))
  return to.addresses
    .filter(({ ip }) => families.has(familyOf(ip)))
    .map(({ ip }) => ({ network, from, to, address: ip, ...(router === undefined ? {} : { router }) }))
}

function wayByRouter(view: ClusterView, from: EndpointRecord, to: EndpointRecord): Way[] {
  const router = routerViews(view).find(({ legs }) =>
    [from, to].every(({ network }) => legs.some((leg) => leg.network.uid === network)),
  )
  return router === undefined ? [] : wayBy(view, from, to, router.name)
}

function leadsOut(view: ClusterView, { network, egress }: EndpointRecord): boolean {
  const found = view.networks.get(network)?.value
  return found !== undefined && !found.internal && (egress ?? found.egress) !== 'none'
}

function onNoNetwork(view: ClusterView, place: Place, others: readonly EndpointRecord[]): DoctorFinding {
  const network = others[0] === undefined ? 'NETWORK' : nameOf(view, others[0].network)
  return {
    check: 'network',
    severity: 'error',
    hosts: [place.host],
    measured: `${placeText(place)} is on no network of the cluster`,
    why: 'it has no address there, and no interface',
    remedy: `weft network connect ${network} ${place.host}/${place.container}`,
  }
}

function apart(view: ClusterView, from: End, to: End): DoctorFinding {
  const [first, second] = [from, to].map(({ endpoints }) => nameOf(view, endpoints[0]?.network ?? ''))
  const isShared = from.endpoints.some((one) => to.endpoints.some((other) => other.network === one.network))
  return {
    check: 'network',
    severity: 'error',
    hosts: hostsOf(from, to),
    measured: isShared
      ? `${from.text} and ${to.text} have no addresses of one family`
      : `${from.text} is on ${networkNames(view, from.endpoints)}, ${to.text} on ${networkNames(view, to.endpoints)}, and no router joins them`,
    why: 'networks do not reach each other unless they are joined',
    remedy: `weft network connect ${second} ${from.place?.host}/${from.place?.container}, or: weft router create r && weft router connect r ${first} ${second}`,
  }
}

function hostsOf(...ends: readonly End[]): string[] {
  return [...new Set(ends.flatMap(({ endpoints }) => endpoints.map(({ host }) => host)))].slice(0, 2)
}

function heldByNobody(view: ClusterView, network: string, address: string): DoctorFinding {
  const name = nameOf(view, network)
  return {
    check: 'address',
    severity: 'error',
    hosts: [],
    measured: `no container has ${address} in network ${name}`,
    why: 'nobody answers there; what had it has stopped for good, or has another address by now',
    remedy: `who has which: weft ip ls ${name}; ask for containers by name`,
  }
}

/** Where the way out is not the network's own, its gateway's address is kept free and stands nowhere. */
function absentGateway({ name, egress }: NetworkRecord, address: string): DoctorFinding {
  return {
    check: 'address',
    severity: 'error',
    hosts: [],
    measured: `${address} is the gateway address of network ${name}, and nobody has it`,
    why: `the network has egress=${egress}${egress === 'docker' ? ': its containers go out by Docker’s own bridge' : ''}`,
    remedy: `weft network update -o egress=weft ${name}, where a gateway of the network's own is wanted`,
  }
}

function gatewayOfOthers({ name }: NetworkRecord, from: End, address: string): DoctorFinding {
  return {
    check: 'address',
    severity: 'error',
    hosts: hostsOf(from),
    measured: `${address} is the gateway of network ${name}, which ${from.text} is not on`,
    why: 'a gateway serves the containers of its own network, on each host for itself',
    remedy: `weft network connect ${name} ${from.place?.host}/${from.place?.container}`,
  }
}

function noWayOut(view: ClusterView, from: End, address: string): DoctorFinding {
  const { family } = parseAddress(address)
  const reasons = from.endpoints.map((each) => {
    const network = view.networks.get(each.network)?.value
    const isOfFamily = each.addresses.some(({ ip }) => familyOf(ip) === family)
    const reason = !isOfFamily ? `no IPv${family}` : network?.internal === true ? 'internal' : 'egress=none'
    return `${nameOf(view, each.network)} (${reason})`
  })
  return {
    check: 'egress',
    severity: 'error',
    hosts: hostsOf(from),
    measured: `${address} is in no network of the cluster, and the networks of ${from.text} have no way out: ${listed([...new Set(reasons)], 5)}`,
    why: 'a network made with --internal or egress=none keeps its containers in; each family needs a subnet',
    remedy: `weft network update -o egress=weft ${nameOf(view, from.endpoints[0]?.network ?? '')}; an internal network stays so: put the container on another one, too`,
  }
}
