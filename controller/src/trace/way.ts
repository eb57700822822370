/** The way of packets from a container to another, or to an address, as the records have it, and what stands in it. Pure. */
import {
  containsAddress,
  type DoctorFinding,
  driverFor,
  familyOf,
  listed,
  parseAddress,
  parseCidr,
  parseOptions,
  type TraceContainer,
} from '@weft/shared'
import { type ClusterView, type EndpointRecord, isAlive, type NetworkRecord, routerViews } from '../domain/index.ts'

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

/** A container as people say it. */
export function labelOf({ container }: TraceContainer, host: string): string {
  return `${container} on ${host}`
}

/** Endpoints of a container of the host, by its name or the beginning of its id; by network. */
export function endpointsOfContainer(view: ClusterView, host: string, ref: string): EndpointRecord[] {
  return [...view.endpoints.values()]
    .map(({ value }) => value)
    .filter((each) => each.host === host && each.holder === undefined)
    .filter(({ name, containerId = '' }) => name === ref || (ref.length >= 4 && containerId.startsWith(ref)))
    .sort((a, b) => (nameOf(view, a.network) < nameOf(view, b.network) ? -1 : 1))
}

/** To a container: by each network that they share, else by routers between their networks. */
export function waysToContainer(
  view: ClusterView,
  from: readonly EndpointRecord[],
  to: readonly EndpointRecord[],
  labels: { readonly from: string; readonly to: string },
): Ways {
  const alone = [
    ...(from.length === 0 ? [onNoNetwork(labels.from, to, view)] : []),
    ...(to.length === 0 ? [onNoNetwork(labels.to, from, view)] : []),
  ]
  if (alone.length > 0) return { ways: [], findings: alone }
  const shared = from.flatMap((near) =>
    to.flatMap((far) => (near.network === far.network ? wayBy(view, near, far) : [])),
  )
  const ways = shared.length > 0 ? shared : from.flatMap((near) => to.flatMap((far) => wayByRouter(view, near, far)))
  return { ways, findings: ways.length > 0 ? [] : [apart(view, from, to, labels)] }
}

/** To an address: to who has it, else out of the container's networks. */
export function waysToAddress(
  view: ClusterView,
  from: readonly EndpointRecord[],
  address: string,
  labels: { readonly from: string },
): Ways {
  const holders = [...view.endpoints.values()]
    .map(({ value }) => value)
    .filter(({ addresses }) => addresses.some(({ ip }) => ip === address))
  if (holders.length > 0) {
    const found = waysToContainer(view, from, holders, { ...labels, to: address })
    return { ...found, ways: found.ways.filter((way) => way.address === address) }
  }
  const asked = parseAddress(address)
  const subnet = [...view.subnets.values()].find(({ value }) => containsAddress(parseCidr(value.cidr), asked))?.value
  const isGateway = subnet?.gateway === address
  if (subnet !== undefined && !isGateway) return { ways: [], findings: [heldByNobody(view, subnet.network, address)] }
  const absent = isGateway ? absentGateway(view.networks.get(subnet.network)?.value, address) : []
  if (absent.length > 0) return { ways: [], findings: absent }
  const out = from.filter(
    (each) =>
      each.addresses.some(({ ip }) => familyOf(ip) === familyOf(address)) &&
      (isGateway ? each.network === subnet?.network : leadsOut(view, each)),
  )
  const ways = out.flatMap((near): Way[] => {
    const network = view.networks.get(near.network)?.value
    return network === undefined ? [] : [{ network, from: near, address }]
  })
  return { ways: ways.slice(0, 1), findings: ways.length > 0 ? [] : [noWayOut(view, from, address, labels.from)] }
}

/** What the records say against a way. */
export function obstacles(view: ClusterView, way: Way): DoctorFinding[] {
  const { network, from, to, router } = way
  const ends = to === undefined ? [from] : [from, to]
  const driver = driverFor(network.driver)
  const options = parseOptions(driver, network.options)
  const parts = driver.parts(options)
  const isParted =
    to !== undefined && to.holder === undefined && (parts === 'all' || (parts === 'host' && to.host === from.host))
  return [
    ...ends.flatMap((end) => standing(end, isAlive(view, end.host))),
    ...(router === undefined && isParted ? [parted(network, from, to)] : []),
    ...(router === undefined && to !== undefined && to.host !== from.host && !driver.spans(options)
      ? [hostsOwn(network, from, to)]
      : []),
  ]
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

function onNoNetwork(label: string, others: readonly EndpointRecord[], view: ClusterView): DoctorFinding {
  const network = others[0] === undefined ? 'NETWORK' : nameOf(view, others[0].network)
  const [container, host] = label.split(' on ')
  return {
    check: 'network',
    severity: 'error',
    hosts: host === undefined ? [] : [host],
    measured: `${label} is on no network of the cluster`,
    why: 'it has no address there, and no interface',
    remedy: `weft network connect ${network} ${host}/${container}`,
  }
}

function apart(
  view: ClusterView,
  from: readonly EndpointRecord[],
  to: readonly EndpointRecord[],
  labels: { readonly from: string; readonly to: string },
): DoctorFinding {
  const [near, far] = [networkNames(view, from), networkNames(view, to)]
  const [first, second] = [nameOf(view, from[0]?.network ?? ''), nameOf(view, to[0]?.network ?? '')]
  const [container, host] = labels.from.split(' on ')
  const families = from.some((each) => to.some(({ network }) => network === each.network))
  return {
    check: 'network',
    severity: 'error',
    hosts: [...new Set([...from, ...to].map((each) => each.host))].slice(0, 2),
    measured: families
      ? `${labels.from} and ${labels.to} have no addresses of one family`
      : `${labels.from} is on ${near}, ${labels.to} on ${far}, and no router joins them`,
    why: 'networks do not reach each other unless they are joined',
    remedy: `weft network connect ${second} ${host}/${container}, or: weft router create r && weft router connect r ${first} ${second}`,
  }
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
function absentGateway(network: NetworkRecord | undefined, address: string): DoctorFinding[] {
  if (network === undefined || network.egress === 'weft' || network.egress === 'gateway') return []
  return [
    {
      check: 'address',
      severity: 'error',
      hosts: [],
      measured: `${address} is the gateway address of network ${network.name}, and nobody has it`,
      why: `the network has egress=${network.egress}${network.egress === 'docker' ? ': its containers go out by Docker’s own bridge' : ''}`,
      remedy: `weft network update -o egress=weft ${network.name}, where a gateway of the network's own is wanted`,
    },
  ]
}

function noWayOut(view: ClusterView, from: readonly EndpointRecord[], address: string, label: string): DoctorFinding {
  const first = nameOf(view, from[0]?.network ?? '')
  const family = familyOf(address)
  const reasons = from.map((each) => {
    const network = view.networks.get(each.network)?.value
    const isOfFamily = each.addresses.some(({ ip }) => familyOf(ip) === family)
    const reason = !isOfFamily ? `no IPv${family}` : network?.internal === true ? 'internal' : 'egress=none'
    return `${nameOf(view, each.network)} (${reason})`
  })
  return {
    check: 'egress',
    severity: 'error',
    hosts: [...new Set(from.map(({ host }) => host))].slice(0, 2),
    measured: `${address} is in no network of the cluster, and the networks of ${label} have no way out: ${listed([...new Set(reasons)], 5)}`,
    why: 'a network made with --internal or egress=none keeps its containers in; each family needs a subnet',
    remedy: `weft network update -o egress=weft ${first}; an internal network stays so: put the container on another one, too`,
  }
}

function standing({ name, uid, host, state }: EndpointRecord, isHostAlive: boolean): DoctorFinding[] {
  const who = name ?? uid
  if (!isHostAlive) {
    return [
      {
        check: 'agent',
        severity: 'warn',
        hosts: [host],
        measured: `the agent of ${host} does not report: nothing can be looked at there`,
        why: 'its containers may go on as they are, or the host may be down',
        remedy: `on ${host}: systemctl status weft-agent; journalctl -u weft-agent -n 50`,
      },
    ]
  }
  if (state === 'attached') return []
  return [
    {
      check: 'container',
      severity: 'error',
      hosts: [host],
      measured: `${who} does not run on ${host}${state === 'pending' ? ' yet: it has an address and no interface' : ''}`,
      why: 'a stopped container keeps its address and answers nobody',
      remedy: `on ${host}: docker start ${who}; docker logs ${who}`,
    },
  ]
}

function parted({ name }: NetworkRecord, from: EndpointRecord, to: EndpointRecord): DoctorFinding {
  return {
    check: 'policy',
    severity: 'error',
    hosts: [...new Set([from.host, to.host])],
    measured: `network ${name} parts its containers from each other (icc=false)`,
    why: 'it was made so on purpose',
    remedy: `weft network update -o icc=true ${name}, or put the two on another network, too`,
  }
}

function hostsOwn({ name, driver }: NetworkRecord, from: EndpointRecord, to: EndpointRecord): DoctorFinding {
  return {
    check: 'network',
    severity: 'error',
    hosts: [from.host, to.host],
    measured: `network ${name} (${driver}) has no parent: each host has a part of it to itself`,
    why: `${from.host} and ${to.host} share its plan of addresses, not a wire`,
    remedy: `make it with -d overlay, or with a parent that both hosts are on: weft network create -d ${driver} -o parent=eth1.100 …`,
  }
}
