/**
 * A network driver is pure: options in, HostState out. Three programs use it: the controller validates options and
 * allocates what it asks for, the agent expands it to the state of a host, the CLI explains it.
 * Adding one is one file beside this and one line in `registry.ts`; the conformance suite finds it there.
 */
import type { z } from 'zod'
import type { HostState, LinkRef } from '../host-state/host-state.ts'
import type { Egress, EndpointRole, NetworkSpec } from '../intent/entry.ts'
import type { PublishedPort } from '../intent/publication.ts'
import type { InterfaceFact } from '../words/host-facts.ts'

/** Where a local endpoint's interface is. */
export type Attachment =
  /** To be made: in the host's netns, under its generated name. */
  | { readonly phase: 'new'; readonly link: LinkRef }
  /** Made, and being moved by Docker: it may be in either namespace. `sandbox` is the namespace that Docker named in Join. */
  | { readonly phase: 'in-flight'; readonly link: LinkRef; readonly sandbox?: string }
  /** Seen in its sandbox: from now on the agent keeps it, its addresses and its routes. */
  | { readonly phase: 'sandbox'; readonly link: LinkRef }
  /** Weft's own, where it was born: a host's shim in the host's netns, a router's leg in the router's. Docker never sees it. */
  | { readonly phase: 'placed'; readonly link: LinkRef; readonly role: EndpointRole }

export interface LocalEndpoint {
  readonly uid: string
  readonly mac: string
  /** True where the driver's `macs` is `parent`: the interface has its parent's MAC and is known by its addresses. */
  readonly sharesMac?: boolean
  /** With prefix length: `10.0.0.7/24`. */
  readonly addresses: readonly string[]
  /** Next hops of the default routes through this network; empty when the way out is elsewhere. */
  readonly gateways: readonly string[]
  /** Destinations of its default routes by device, without a next hop; never with `gateways`. */
  readonly deviceRoutes?: readonly string[]
  /** Further routes over this interface; by the device alone where there is no next hop. */
  readonly routes?: readonly { readonly destination: string; readonly via?: string }[]
  /** Default routes that Docker gave it and that its network wants no more. */
  readonly withdrawn?: readonly { readonly destination: string; readonly via?: string }[]
  /** Its way out where that is not the network's: it has what the network had before, until it is started again. */
  readonly keeps?: Egress
  /** Of Weft's own: what comes in on it and is for somebody else is routed on. */
  readonly forwards?: true
  /** Ports of the host that lead to it (`docker run -p`), where that is Weft's to do. */
  readonly ports?: readonly PublishedPort[]
  readonly attachment: Attachment
  /** The name that its interface should have in its sandbox; whatever it has where left out. */
  readonly ifname?: string
  /** Whether its interface speaks IPv6; what Docker makes of it where left out. */
  readonly ipv6?: boolean
  readonly name?: string
}

export interface RemoteEndpoint {
  readonly uid: string
  readonly mac: string
  readonly addresses: readonly string[]
  /** The VTEP address of its host. */
  readonly vtep: string
  /** Of Weft's own (a shim, a router's leg), not a container's. */
  readonly placed?: boolean
}

export interface DriverHost {
  readonly underlay: { readonly interface: string; readonly address: string; readonly mtu: number }
  readonly interfaces: readonly InterfaceFact[]
  /** Logical uplink name to this host's interface. */
  readonly uplinks: Readonly<Record<string, string>>
}

export interface DriverInput<O> {
  readonly network: NetworkSpec
  readonly options: O
  readonly endpoints: readonly LocalEndpoint[]
  readonly peers: readonly RemoteEndpoint[]
  /** VTEPs of every other host that has endpoints in the network. */
  readonly peerVteps: readonly string[]
  readonly host: DriverHost
}

/** A parent as the admin wrote it: `eth1`, `eth1.100`, `eth1.100.200` (802.1ad outer), `@storage`, `@storage.100`. */
export interface ParentReference {
  readonly text: string
  /** A logical uplink's name, or an interface name. */
  readonly uplink?: string
  readonly interface?: string
  /** Outer to inner; empty for the interface itself. */
  readonly vlanIds: readonly number[]
}

export interface Driver<O = unknown> {
  readonly name: string
  /** Other names for `-d`. */
  readonly aliases: readonly string[]
  /** One line for help and completion. */
  readonly summary: string
  /** Strict; its fields' descriptions are the help. Values arrive as strings, as Docker's `-o` gives them (`options.ts`). */
  readonly options: z.ZodObject & z.ZodType<O>
  /** Other spellings of options, to their names. */
  readonly optionAliases?: Readonly<Record<string, string>>
  readonly allocates: readonly ('vni' | 'vlan')[]
  readonly defaultEgress: Egress
  /** The way out asked for by the admin, if any. */
  egress(options: O): Egress | undefined
  /** With egress `weft`: whether addresses are translated on the way out; undefined: they are. */
  nat?(options: O): boolean | undefined
  /** The VNI asked for by the admin, if any; else one is allocated when `allocates` names it. */
  vni(options: O): number | undefined
  /** What an encapsulation takes off the underlay's MTU, bytes; undefined: the parent's MTU is the network's. */
  overheadBytes(options: O, underlayFamily: 4 | 6): number | undefined
  /** The parent that every host needs, if any. */
  parent(options: O): ParentReference | undefined
  /**
   * Whose MAC a container's interface has. `parent`: the parent's, so none is given to Docker or the kernel, none may be
   * asked for, and the one in the endpoint's record stands for nothing on the wire.
   */
  macs(options: O): 'own' | 'parent'
  /** How containers reach what is beyond when egress is `gateway`: by a next hop, or by the device alone (no ARP). */
  defaultRoute(options: O): 'gateway' | 'device'
  /** How its links use their parent, as `parentUse` has it; networks on one parent must agree. Undefined: no matter. */
  parentUse(options: O): string | undefined
  /** The bridge of the fabric on which the network's containers of one host meet, by its name; undefined where there is none. */
  bridge(options: O, uid: string): string | undefined
  /** Each host has an interface of its own in the network, a shim, by which it reaches the network's containers. */
  hostAccess(options: O): boolean
  /** Containers of different hosts are on one segment; otherwise each host has a part of the network to itself. */
  spans(options: O): boolean
  /** Which containers of the network are parted from each other (icc=false): all, those of one host, or none. */
  parts(options: O): 'all' | 'host' | 'none'
  /** Why no interface of Weft's own (a shim, a router's leg) would be heard by the containers, if so. */
  deaf(options: O): string | undefined
  /**
   * Where it is seen to that containers send as themselves only (guard.ts): at the host's end of the interface; in the
   * sandbox, where the interface has no other end and CAP_NET_ADMIN could undo it until the next pass; or nowhere.
   */
  guard(options: O): 'port' | 'sandbox' | 'off'
  /** MTU asked for by the admin, if any. */
  mtu(options: O): number | undefined
  desired(input: DriverInput<O>): HostState
}
