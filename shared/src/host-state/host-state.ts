/**
 * What one host's kernel holds, or should hold, of Weft: the language that drivers write, the kernel reads back, and the
 * diff compares. Everything is keyed by (netns, name); interface indexes never leave `kernel/`.
 *
 * Invariants
 * - A field left out of a desired object is not compared.
 * - Only owned objects (link group {@link WEFT_LINK_GROUP} and a generated name, or a VLAN sub-interface of that group)
 *   may be altered or removed.
 */
import { z } from 'zod'
import { mergeNftTables, NftTableSchema } from './nft-table.ts'

/** '' is the host's own network namespace, 'weft' the fabric, 'weft-r-…' a router's, an absolute path a sandbox. */
const Netns = z.string()
const LinkRef = z.strictObject({ netns: Netns, name: z.string() })
export type LinkRef = z.infer<typeof LinkRef>

/** Bridge port flags, as in `bridge link`. */
const BridgePort = z.strictObject({
  learning: z.boolean().optional(),
  /** Flood unknown unicast out of this port. */
  flood: z.boolean().optional(),
  multicastFlood: z.boolean().optional(),
  broadcastFlood: z.boolean().optional(),
  /** Isolated ports reach only ports that are not. */
  isolated: z.boolean().optional(),
  hairpin: z.boolean().optional(),
})
export type BridgePort = z.infer<typeof BridgePort>

const common = {
  netns: Netns,
  name: z.string(),
  mtu: z.number().int().optional(),
  mac: z.string().optional(),
  up: z.boolean().optional(),
  /** Name of the bridge, in the same netns, that this link is a port of; null for none. */
  master: z.string().nullable().optional(),
  port: BridgePort.optional(),
  /** The human name of the object, shown by `ip link` (IFALIAS, 255 bytes at most). */
  alias: z.string().optional(),
  /** False sets disable_ipv6: no link-local address, no router solicitation. */
  ipv6: z.boolean().optional(),
  /** What comes in on the link and is for somebody else is routed on; of both families. */
  forwarding: z.boolean().optional(),
  /** Answers ARP for the link's own addresses only, and asks with them only (arp_ignore 1, arp_announce 2). */
  strictArp: z.boolean().optional(),
  /** Observed only: carries our mark. A desired link leaves it out. */
  owned: z.boolean().optional(),
  /**
   * `tolerated`: may exist or not, is neither made nor altered nor removed (a container's interface while Docker moves
   * it). `shared`: made when absent, used when it is the admin's, removed only when owned (VLAN sub-interfaces).
   */
  presence: z.enum(['required', 'tolerated', 'shared']).optional(),
}

export const MACVLAN_MODES = ['bridge', 'private', 'vepa', 'passthru'] as const
export type MacvlanMode = (typeof MACVLAN_MODES)[number]

/** Docker's names; l2 switches by address, l3 and l3s route, l3s through the host's netfilter. */
export const IPVLAN_MODES = ['l2', 'l3', 'l3s'] as const
export type IpvlanMode = (typeof IPVLAN_MODES)[number]
export const IPVLAN_FLAGS = ['bridge', 'private', 'vepa'] as const
export type IpvlanFlag = (typeof IPVLAN_FLAGS)[number]

export const LinkSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('bridge'), ...common, multicastSnooping: z.boolean().optional() }),
  z.strictObject({
    kind: z.literal('vxlan'),
    ...common,
    vni: z.number().int(),
    /** Underlay device; always in the host's own netns, wherever the vxlan device lives. */
    underlay: z.string(),
    /** Our VTEP address. */
    local: z.string(),
    udpPort: z.number().int(),
    learning: z.boolean(),
    /** Answer ARP and ND from the neighbour table instead of flooding them. */
    proxy: z.boolean(),
  }),
  /** A veth pair is written as its port end; `peer` says where the other end is born and is not compared afterwards. */
  z.strictObject({ kind: z.literal('veth'), ...common, peer: LinkRef.optional(), peerMac: z.string().optional() }),
  z.strictObject({ kind: z.literal('macvlan'), ...common, parent: LinkRef, mode: z.enum(MACVLAN_MODES) }),
  /** Has its parent's MAC. Mode and flag are the parent's, too: the kernel keeps one for all its children. */
  z.strictObject({
    kind: z.literal('ipvlan'),
    ...common,
    parent: LinkRef,
    mode: z.enum(IPVLAN_MODES),
    flag: z.enum(IPVLAN_FLAGS),
  }),
  z.strictObject({
    kind: z.literal('vlan'),
    ...common,
    parent: LinkRef,
    vlanId: z.number().int(),
    protocol: z.enum(['802.1Q', '802.1ad']),
  }),
  /** Observed only: any link of a kind that Weft does not make (NICs, Docker's bridges, …). */
  z.strictObject({ kind: z.literal('other'), ...common, kernelKind: z.string().optional() }),
])
export type Link = z.infer<typeof LinkSchema>
export type LinkKind = Link['kind']

/** The link of which this one is a child and with which it goes; undefined for kinds without one. */
export function parentOf(link: Link): LinkRef | undefined {
  return 'parent' in link ? link.parent : undefined
}

/** The link has its parent's MAC, which is not ours to set: none is desired. */
export function hasParentsMac(link: Link): boolean {
  return link.kind === 'ipvlan' || (link.kind === 'macvlan' && link.mode === 'passthru')
}

/**
 * How the link uses its parent, for kinds whose children must agree on it: the kernel has one receiver a parent (EBUSY for
 * the other kind), and one ipvlan mode and flag a parent.
 */
export function parentUse(link: Link): string | undefined {
  if (link.kind === 'ipvlan') return `ipvlan ${link.mode} ${link.flag}`
  return link.kind === 'macvlan' ? 'macvlan' : undefined
}

const onLink = { netns: Netns, link: z.string() }

/** An address of a link, `10.0.0.7/24`. */
export const AddressSchema = z.strictObject({ ...onLink, address: z.string() })
/** A unicast route; `destination` is CIDR (0.0.0.0/0 for default); `via` absent means on-link. */
export const RouteSchema = z.strictObject({
  ...onLink,
  destination: z.string(),
  via: z.string().optional(),
  /** Observed only: we set it (route protocol {@link WEFT_ROUTE_PROTOCOL}). A desired route leaves it out. */
  owned: z.boolean().optional(),
  /** Desired only: Docker gave it, and it is to go. */
  withdrawn: z.literal(true).optional(),
})
/** A permanent neighbour: IP to MAC. */
export const NeighbourSchema = z.strictObject({ ...onLink, ip: z.string(), mac: z.string() })
/** A static forwarding entry; with `vtep` on a vxlan device (self), without on a bridge port (master). All-zero MAC = flood list. */
export const FdbEntrySchema = z.strictObject({ ...onLink, mac: z.string(), vtep: z.string().optional() })
/** A network namespace of a router: made, with all in it ours; `forwarding` says that IPv6 is routed at all in it. */
export const NamespaceSchema = z.strictObject({ netns: Netns, forwarding: z.boolean() })
export const FamilySchema = z.union([z.literal(4), z.literal(6)])

export const HostStateSchema = z.strictObject({
  namespaces: z.array(NamespaceSchema),
  links: z.array(LinkSchema),
  addresses: z.array(AddressSchema),
  routes: z.array(RouteSchema),
  neighbours: z.array(NeighbourSchema),
  fdb: z.array(FdbEntrySchema),
  nftTables: z.array(NftTableSchema),
  /** Families that the host routes between its interfaces for Weft's gateways. */
  hostForwarding: z.array(FamilySchema),
})
export type HostState = z.infer<typeof HostStateSchema>
export type Namespace = z.infer<typeof NamespaceSchema>
export type LinkAddress = z.infer<typeof AddressSchema>
export type Route = z.infer<typeof RouteSchema>
export type Neighbour = z.infer<typeof NeighbourSchema>
export type FdbEntry = z.infer<typeof FdbEntrySchema>

/** Addresses, without prefix length, that are to be told of on the wire behind a link. */
export interface Announcement {
  readonly netns: string
  readonly link: string
  readonly addresses: readonly string[]
}

export const EMPTY_HOST_STATE: HostState = {
  namespaces: [],
  links: [],
  addresses: [],
  routes: [],
  neighbours: [],
  fdb: [],
  nftTables: [],
  hostForwarding: [],
}

/** The concatenation of several states, as of several networks on one host; parts of one nft table become one. */
export function mergeHostStates(states: readonly HostState[]): HostState {
  return {
    namespaces: states.flatMap((state) => state.namespaces),
    links: states.flatMap((state) => state.links),
    addresses: states.flatMap((state) => state.addresses),
    routes: states.flatMap((state) => state.routes),
    neighbours: states.flatMap((state) => state.neighbours),
    fdb: states.flatMap((state) => state.fdb),
    nftTables: mergeNftTables(states.flatMap((state) => state.nftTables)),
    hostForwarding: [...new Set(states.flatMap((state) => state.hostForwarding))].sort(),
  }
}
