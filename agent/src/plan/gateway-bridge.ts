/**
 * Docker's gateway bridge, over which containers of every network with `egress=docker` go out, must not be a way from one
 * to the other. Docker itself says so (icc=false), by a rule of iptables for IPv4 that is gone with the next flush or reload of
 * somebody's firewall. The same is said here, for both families, in a table that the loop keeps. Bridged frames meet it while
 * br_netfilter is on, as they meet Docker's own rule.
 *
 * The interface on it that Docker gave a container stays until that is started again, though the network may have another way
 * out by then (state/egress.ts). Where the container goes out otherwise, ports that Docker opened go on leading in: the host
 * asks in its own name, since the answer to anybody else would take the other way. Where it has no way out, nothing
 * passes: what the container sends is dropped at the host's end, which is out of its reach, and what it is sent at its own.
 */
import {
  type DriverHost,
  defaultRouteFor,
  EMPTY_HOST_STATE,
  type Family,
  familyOf,
  type HostState,
  hash128,
  isSandbox,
  type Link,
  type LinkRef,
  mergeHostStates,
  type NetworkSpec,
  type NftSet,
  type NftTable,
  type Route,
} from '@weft/shared'
import type { BridgeUse } from '../state/egress.ts'
import { withoutPrefix } from '../state/networks.ts'
import { linkKey } from './link-kinds.ts'

/** Docker's constant (libnetwork, libnGWNetwork). */
const GATEWAY_BRIDGE = 'docker_gwbridge'

export const GATEWAY_BRIDGE_TABLE = { netns: '', family: 'inet', name: 'weft_gwbridge' } as const
/** A little before NF_IP_PRI_NAT_SRC (100), where iptables and Docker are. */
const BEFORE_SOURCE_NAT = 95
/** NF_IP_PRI_RAW, before anything else looks. */
const FIRST = -300

/** An interface of a sandbox whose other end is a port of the bridge. */
export interface BridgeEnd extends LinkRef {
  /** The other end, in the host's netns. */
  readonly port: string
  /** With prefix length. */
  readonly addresses: readonly string[]
}

/** Told by the other end, which the container cannot alter. */
export function bridgeEnds({ links, addresses }: HostState): BridgeEnd[] {
  const ports = new Set(
    links.flatMap(({ netns, name, master }) => (netns === '' && master === GATEWAY_BRIDGE ? name : [])),
  )
  return links.flatMap((link) => {
    const port = isSandbox(link.netns) && link.kind === 'veth' && link.peer?.netns === '' ? link.peer.name : undefined
    if (port === undefined || !ports.has(port)) return []
    const { netns, name } = link
    const own = addresses.flatMap((each) => (each.netns === netns && each.link === name ? each.address : []))
    return [{ netns, name, port, addresses: own }]
  })
}

/** Before the network has its first container here: that one is wired without a pass. */
export function gatewayBridgeState(network: NetworkSpec): HostState {
  if (network.egress !== 'docker' || network.internal) return EMPTY_HOST_STATE
  return { ...EMPTY_HOST_STATE, nftTables: [bridgeTable([])] }
}

/** What becomes of ends in sandboxes where not all is as Docker left it. */
export function leftBridgeState(
  ends: readonly BridgeEnd[],
  uses: ReadonlyMap<string, BridgeUse>,
  { interfaces }: Pick<DriverHost, 'interfaces'>,
): HostState {
  const bridge = interfaces.find(({ name }) => name === GATEWAY_BRIDGE)
  const gateways = (bridge?.addresses ?? []).map(withoutPrefix)
  return mergeHostStates(
    ends.flatMap((end) => {
      const use = uses.get(end.netns)
      return use === undefined ? [] : [endState(end, use, gateways)]
    }),
  )
}

function endState(end: BridgeEnd, use: BridgeUse, gateways: readonly string[]): HostState {
  const { netns, name } = end
  const isElsewhere = (address: string) => use.elsewhere.includes(familyOf(address))
  const isSealed = !use.wanted && use.elsewhere.length === 0
  const families = new Set(end.addresses.map(familyOf))
  const routes = gateways
    .filter((via) => families.has(familyOf(via)) && !isElsewhere(via))
    .map((via): Route => ({ netns, link: name, destination: defaultRouteFor(via), via }))
  // Not ours, but default routes over it are: they make room for others.
  const link: Link = { kind: 'other', netns, name, presence: 'tolerated' }
  const led = isSealed ? [] : end.addresses.map(withoutPrefix).filter((address) => !use.wanted || isElsewhere(address))
  return {
    ...EMPTY_HOST_STATE,
    links: [link],
    routes: use.wanted ? (use.settled ? routes : []) : routes.map((route) => ({ ...route, withdrawn: true })),
    nftTables: [bridgeTable(led), ...(isSealed ? [seal({ netns: '', name: end.port }), seal(end)] : [])],
  }
}

/** `led`: addresses of containers that answer by another way. */
function bridgeTable(led: readonly string[]): NftTable {
  return {
    ...GATEWAY_BRIDGE_TABLE,
    sets: [addressSet(4, led), addressSet(6, led)],
    chains: [
      {
        name: 'forward',
        hook: { type: 'filter', at: 'forward', priority: 0 },
        rules: [
          // An answer to what came in by a published port.
          'ct state established,related accept',
          `iifname "${GATEWAY_BRIDGE}" oifname "${GATEWAY_BRIDGE}" counter drop`,
        ],
      },
      {
        name: 'postrouting',
        hook: { type: 'nat', at: 'postrouting', priority: BEFORE_SOURCE_NAT },
        rules: [
          `oifname "${GATEWAY_BRIDGE}" ip daddr @led4 ct status dnat masquerade`,
          `oifname "${GATEWAY_BRIDGE}" ip6 daddr @led6 ct status dnat masquerade`,
        ],
      },
    ],
  }
}

function addressSet(family: Family, addresses: readonly string[]): NftSet {
  const elements = addresses.filter((address) => familyOf(address) === family)
  return { kind: 'set', name: `led${family}`, of: `type ipv${family}_addr`, elements }
}

/** Nothing that comes out of the link gets any further. One that takes its name later (guard.ts) is known by its number. */
function seal({ netns, name }: LinkRef): NftTable {
  const id = hash128(linkKey({ netns, name }))
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
  const hook = { type: 'filter', at: 'ingress', priority: FIRST, device: name } as const
  return {
    ...{ netns, family: 'netdev', name: `weft_seal_${id}`, sets: [] },
    chains: [{ name: 'sealed', hook, rules: [`iif != "${name}" accept`, 'counter drop'] }],
  }
}
