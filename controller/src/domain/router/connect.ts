/**
 * A router into a network: its leg, an endpoint with an address of the network, and its record, in one transaction.
 *
 * Which address: the one asked for; else, where no wire leads in and containers have no way out by it, the subnet's gateway
 * address, at which nobody else can answer; else the next free one. Containers' routes name it, so that any will do.
 */
import { containsAddress, formatAddress, parseAddress, parseCidr, type RouterView, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../../store/kv.ts'
import { auditWrite } from '../audit.ts'
import type { DomainDeps } from '../deps.ts'
import { commitAlone } from '../group-commit.ts'
import { chooseAddresses, firstOfEachFamily, type PlacedAddress, placing } from '../place.ts'
import { checkAskedAddress } from '../pure/check-address.ts'
import { leavesGateway } from '../pure/check-placed.ts'
import { networkByRef, routerByRef } from '../pure/find.ts'
import { heldByEndpoint, reservedAddress } from '../pure/holders.ts'
import { addressKeyOf, keys } from '../pure/keys.ts'
import type { Actor, NetworkRecord, RouterRecord, Stored, SubnetRecord } from '../pure/records.ts'
import { heldAt, reservedAt } from '../pure/reservations.ts'
import { ableHosts, chooseHost, isSealed, refuseUnroutable } from '../pure/router-host.ts'
import { routerView } from '../pure/router-view.ts'
import { uidOf } from '../pure/uids.ts'
import { type ClusterView, endpointsOf, subnetsOf } from '../pure/view.ts'
import { moveRouter } from './move.ts'

export interface RouterConnectRequest {
  readonly req: string
  readonly router: string
  readonly network: string
  readonly address?: string | undefined
}

const MOST_TRIES = 20
/** One transaction moves all legs of a router. */
const MOST_NETWORKS = 12

/**
 * @throws `not_found`, `invalid` (the network cannot be routed; the address breaks a rule), `conflict` (address is
 * somebody's), `exhausted`, `unavailable` (no host that reports has all the parents)
 */
export async function connectRouter(
  deps: DomainDeps,
  request: RouterConnectRequest,
  actor: Actor,
): Promise<RouterView> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    const router = routerByRef(view, request.router)
    const network = networkByRef(view, request.network)
    if (router.value.networks.includes(network.value.uid)) return routerView(view, router.value.uid)
    check(router.value, network.value)
    const host = await settleHost(deps, view, router, network.value)
    if (host === undefined) continue
    const done = await tryOnce(deps, { request, actor, router, network, host })
    if (done !== undefined) return done
  }
  throw new WeftError('unavailable', { what: 'lost every race for a router', on: request.router, remedy: 'try again' })
}

function check(router: RouterRecord, network: NetworkRecord): void {
  refuseUnroutable(network)
  if (router.networks.length < MOST_NETWORKS) return
  throw new WeftError('conflict', {
    what: 'router has too many networks',
    on: router.name,
    why: `it connects ${MOST_NETWORKS}, the most that one can`,
    remedy: 'make another router: weft router create NAME',
  })
}

/** Where it is, when that host has the network's parent; else it is moved first, and undefined says to look again. */
async function settleHost(
  deps: DomainDeps,
  view: ClusterView,
  { value }: Stored<RouterRecord>,
  network: NetworkRecord,
): Promise<string | undefined> {
  const able = ableHosts(view, [...value.networks, network.uid])
  const now = view.placements.get(value.uid)?.value.host
  if (now !== undefined && able.includes(now)) return now
  const host = chooseHost(view, value, able)
  if (host !== undefined) {
    await moveRouter(deps, { router: value.uid, to: host, req: `move:${value.uid}` })
    return undefined
  }
  throw new WeftError('unavailable', {
    what: 'no host can carry the router into this network',
    on: network.name,
    why: `no host that reports has the parents of ${[...value.networks.map((uid) => view.networks.get(uid)?.value.name), network.name].join(' and ')}`,
    remedy: 'see weft status, weft uplink ls and weft host inspect',
  })
}

interface Attempt {
  readonly request: RouterConnectRequest
  readonly actor: Actor
  readonly router: Stored<RouterRecord>
  readonly network: Stored<NetworkRecord>
  readonly host: string
}

async function tryOnce(deps: DomainDeps, attempt: Attempt): Promise<RouterView | undefined> {
  const { request, actor, router, network, host } = attempt
  const view = deps.cluster.current()
  const { uid, name, gen, networks } = router.value
  const { req } = request
  const { addresses, settle } = addressesFor(deps, view, network.value, request.address)
  let settledAt: number | undefined
  try {
    const leg = placing(deps, view, {
      uid: uidOf('leg', uid, network.value.uid, req),
      req,
      network,
      host,
      holder: { kind: 'router', router: uid, name },
      addresses,
    })
    const gateways = addresses.filter(({ isGateway }) => isGateway).map(gatewayOps)
    const next: RouterRecord = { ...router.value, req, gen: gen + 1, networks: [...networks, network.value.uid] }
    const object = `router ${name} into network ${network.value.name}`
    const answer = await commitAlone(deps.kv, {
      when: [
        { key: keys.router(uid), mod: router.modRevision },
        { key: keys.placement(uid), mod: view.placements.get(uid)?.modRevision ?? 0 },
        { key: keys.host(host), create: view.hosts.get(host)?.createRevision ?? 0 },
        ...leg.when,
        ...gateways.map(({ when }) => when),
      ],
      write: [
        { put: keys.router(uid), value: JSON.stringify(next) },
        ...leg.write,
        ...gateways.map(({ write }) => write),
        auditWrite(deps, { actor, action: 'router.connect', object, req }),
      ],
      read: [],
      requestId: req,
    })
    settledAt = answer.revision
    return answer.succeeded ? routerView(await deps.cluster.waitFor(answer.revision), uid) : undefined
  } finally {
    settle(settledAt)
  }
}

/** The reservation of a gateway address makes room for the router, which gives it back when it leaves. */
function gatewayOps({ subnet, ip }: PlacedAddress): { when: Compare; write: KvOp } {
  const key = addressKeyOf('reserved', { subnet: subnet.uid, ip })
  return { when: { key, create: 0, op: '>' }, write: { delete: key } }
}

function addressesFor(
  deps: DomainDeps,
  view: ClusterView,
  network: NetworkRecord,
  asked: string | undefined,
): ReturnType<typeof chooseAddresses> {
  const fixed = asked === undefined ? gatewaysOf(view, network) : [askedAddress(view, network, asked)]
  const families = new Set(fixed.map(({ ip }) => parseAddress(ip).family))
  const rest = firstOfEachFamily(view, network).some(({ cidr }) => !families.has(parseCidr(cidr).family))
  if (!rest) return { addresses: fixed, settle: () => undefined }
  const chosen = chooseAddresses(deps, view, network, families)
  return { ...chosen, addresses: [...fixed, ...chosen.addresses].sort(byFamily) }
}

function byFamily(a: PlacedAddress, b: PlacedAddress): number {
  return parseAddress(a.ip).family - parseAddress(b.ip).family
}

/** Gateway addresses at which nobody else can be. */
function gatewaysOf(view: ClusterView, network: NetworkRecord): PlacedAddress[] {
  if (!isSealed(network) || !leavesGateway(network.egress) || isGatewayKept(view, network)) return []
  return firstOfEachFamily(view, network).flatMap((subnet): PlacedAddress[] => {
    const ip = subnet.gateway
    return ip !== undefined && isFreeGateway(view, subnet.uid, ip) ? [{ subnet, ip, isGateway: true }] : []
  })
}

/** Hosts answer there for containers that run since before the network’s way out was another. */
function isGatewayKept(view: ClusterView, { uid }: NetworkRecord): boolean {
  return endpointsOf(view, uid).some(({ value: { joinedEgress, egress = joinedEgress } }) => egress === 'weft')
}

function isFreeGateway(view: ClusterView, subnet: string, ip: string): boolean {
  return reservedAt(view, { subnet, ip })?.value.purpose === 'gateway'
}

/** @throws `invalid`, `conflict` */
function askedAddress(view: ClusterView, network: NetworkRecord, text: string): PlacedAddress {
  const address = parseAddress(text)
  const ip = formatAddress(address)
  const subnet = subnetsOf(view, network).find(({ cidr }) => containsAddress(parseCidr(cidr), address))
  if (subnet === undefined) {
    throw new WeftError('invalid', {
      what: 'address is not of the network',
      on: text,
      why: `network ${network.name} has ${subnetsOf(view, network)
        .map(({ cidr }) => cidr)
        .join(', ')}`,
      remedy: 'ask for an address of one of these, or leave the choice to Weft',
    })
  }
  if (ip === subnet.gateway && isFreeGateway(view, subnet.uid, ip)) return { subnet, ip, isGateway: true }
  if (ip !== subnet.gateway) checkAskedAddress(ip, subnet)
  refuseTaken(view, network, subnet, ip)
  return { subnet, ip, isGateway: false }
}

function refuseTaken(view: ClusterView, network: NetworkRecord, { uid: subnet, cidr }: SubnetRecord, ip: string): void {
  const holder = view.endpoints.get(heldAt(view, { subnet, ip })?.value.endpoint ?? '')
  if (holder !== undefined) throw heldByEndpoint(ip, holder.value)
  const reserved = reservedAt(view, { subnet, ip })
  if (reserved !== undefined) throw reservedAddress(ip, network.name, cidr, reserved.value)
}
