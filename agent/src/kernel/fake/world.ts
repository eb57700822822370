/**
 * What the fake kernel holds, and what follows of itself when something goes: the rules that Linux keeps without being
 * asked. Nothing is refused here; rules that refuse are in link-rules.ts and entry-rules.ts.
 */
import {
  type BridgePort,
  FABRIC_NETNS,
  type FdbEntry,
  type HostState,
  type Link,
  type LinkAddress,
  type LinkRef,
  type Neighbour,
  type NftTable,
  type NftTableRef,
  parentOf,
  type Route,
} from '@weft/shared'

/** A link as stored: every common attribute is known. */
export type StoredLink = Link & {
  mtu: number
  mac: string
  up: boolean
  master: string | null
  ipv6: boolean
  owned: boolean
}

export interface FakeWorld {
  readonly netns: Set<string>
  /** Of routers: by name, whether they forward. */
  readonly routers: Map<string, boolean>
  readonly links: Map<string, StoredLink>
  /** Ends of veth pairs, both ways, by {@link linkKey}. */
  readonly pairs: Map<string, string>
  /** Bridges whose MTU was set, by {@link linkKey}; the others follow their ports. */
  readonly pinnedMtu: Set<string>
  readonly addresses: Map<string, LinkAddress>
  readonly routes: Map<string, Route>
  readonly neighbours: Map<string, Neighbour>
  readonly fdb: Map<string, FdbEntry>
  /** By {@link nftTableKey}; ours, and those that somebody else made. */
  readonly tables: Map<string, NftTable>
  readonly foreignTables: Map<string, NftTableRef>
  forwarding: HostState['hostForwarding']
}

/** RFC 8200 section 5; below it Linux takes IPv6 off a link. */
export const MIN_MTU_IPV6 = 1280

export const ETHERNET_MTU = 1500

export const DEFAULT_PORT = {
  learning: true,
  flood: true,
  multicastFlood: true,
  broadcastFlood: true,
  isolated: false,
  hairpin: false,
} as const satisfies BridgePort

export function createWorld(): FakeWorld {
  return {
    netns: new Set(['', FABRIC_NETNS]),
    routers: new Map(),
    links: new Map(),
    pairs: new Map(),
    pinnedMtu: new Set(),
    addresses: new Map(),
    routes: new Map(),
    neighbours: new Map(),
    fdb: new Map(),
    tables: new Map(),
    foreignTables: new Map(),
    forwarding: [],
  }
}

export function linkKey({ netns, name }: LinkRef): string {
  return `${netns}|${name}`
}

/** The link on which this one stands, with which it goes. */
export function lowerKey(link: Link): string | undefined {
  if (link.kind === 'vxlan') return linkKey({ netns: '', name: link.underlay })
  const parent = parentOf(link)
  return parent === undefined ? undefined : linkKey(parent)
}

/** Removes the link, its entries, its other end, what stands on it; a bridge lets its ports go. */
export function removeLink(world: FakeWorld, key: string): void {
  const link = world.links.get(key)
  if (link === undefined) return
  world.links.delete(key)
  dropEntries(world, link, () => true)
  if (link.master !== null) leaveBridge(world, link)
  const other = world.pairs.get(key)
  world.pairs.delete(key)
  world.pinnedMtu.delete(key)
  if (other !== undefined) removeLink(world, other)
  for (const [childKey, child] of [...world.links]) if (lowerKey(child) === key) removeLink(world, childKey)
  for (const port of world.links.values()) {
    if (port.netns === link.netns && port.master === link.name) leaveBridge(world, port)
  }
}

/** The link under its new name, with all that names it. */
export function renameLink(world: FakeWorld, link: StoredLink, name: string): void {
  const before = { netns: link.netns, name: link.name }
  const [from, to] = [linkKey(before), linkKey({ netns: link.netns, name })]
  link.name = name
  const moved = <V>(map: Map<string, V>, key: (old: string) => string, value: (old: V) => V) => {
    const entries = [...map].map(([old, each]) => [key(old), value(each)] as const)
    map.clear()
    for (const [each, what] of entries) map.set(each, what)
  }
  const same = (key: string) => (key === from ? to : key)
  moved(world.links, same, (each) => each)
  moved(world.pairs, same, same)
  if (world.pinnedMtu.delete(from)) world.pinnedMtu.add(to)
  for (const other of world.links.values()) {
    if (other.netns === before.netns && other.master === before.name) other.master = name
    if ('parent' in other && linkKey(other.parent) === from) other.parent = { ...other.parent, name }
  }
  const place = (key: string) => (key.startsWith(`${from} `) ? `${to}${key.slice(from.length)}` : key)
  const onLink = <E extends { netns: string; link: string }>(entry: E): E =>
    entry.netns === before.netns && entry.link === before.name ? { ...entry, link: name } : entry
  moved(world.addresses, place, onLink)
  moved(world.routes, (key) => key, onLink)
  moved(world.neighbours, place, onLink)
  moved(world.fdb, place, onLink)
}

/** A port that leaves its bridge takes its flags and the bridge's entries on it away. */
export function leaveBridge(world: FakeWorld, port: StoredLink): void {
  const bridge = world.links.get(linkKey({ netns: port.netns, name: port.master ?? '' }))
  port.master = null
  if (bridge !== undefined) followPorts(world, bridge)
  delete port.port
  for (const [key, entry] of world.fdb) {
    if (entry.netns === port.netns && entry.link === port.name && entry.vtep === undefined) world.fdb.delete(key)
  }
}

/** The MTU of a bridge is the least of its ports', 1500 without any, unless somebody set it (br_mtu_auto_adjust). */
export function followPorts(world: FakeWorld, bridge: StoredLink): void {
  if (world.pinnedMtu.has(linkKey(bridge))) return
  const ports = [...world.links.values()].filter((link) => link.netns === bridge.netns && link.master === bridge.name)
  bridge.mtu = ports.length === 0 ? ETHERNET_MTU : Math.min(...ports.map((port) => port.mtu))
  if (bridge.mtu < MIN_MTU_IPV6) disableIpv6(world, bridge)
}

/** Going down flushes routes, neighbours and IPv6 addresses of a link. */
export function takeDown(world: FakeWorld, link: StoredLink): void {
  link.up = false
  dropEntries(world, link, (table, text) => table === 'routes' || table === 'neighbours' || isV6(text))
}

/** A new MAC drops the neighbours of the link, permanent ones too (NETDEV_CHANGEADDR). */
export function changeMac(world: FakeWorld, link: StoredLink, mac: string): void {
  if (mac === link.mac) return
  link.mac = mac
  for (const child of world.links.values()) {
    if (child.kind === 'ipvlan' && lowerKey(child) === linkKey(link)) changeMac(world, child, mac)
  }
  dropEntries(world, link, (table) => table === 'neighbours')
}

export function disableIpv6(world: FakeWorld, link: StoredLink): void {
  link.ipv6 = false
  dropEntries(world, link, (table, text) => table !== 'fdb' && isV6(text))
}

/** The netns goes with all that was born in it or moved there. */
export function removeNetns(world: FakeWorld, netns: string): void {
  world.netns.delete(netns)
  world.routers.delete(netns)
  for (const [key, link] of [...world.links]) if (link.netns === netns) removeLink(world, key)
  for (const [key, table] of [...world.tables]) if (table.netns === netns) world.tables.delete(key)
}

type Table = 'addresses' | 'routes' | 'neighbours' | 'fdb'

function dropEntries(world: FakeWorld, link: Link, drop: (table: Table, text: string) => boolean): void {
  const mine = (entry: { netns: string; link: string }) => entry.netns === link.netns && entry.link === link.name
  for (const [key, entry] of world.addresses)
    if (mine(entry) && drop('addresses', entry.address)) world.addresses.delete(key)
  for (const [key, entry] of world.routes)
    if (mine(entry) && drop('routes', entry.destination)) world.routes.delete(key)
  for (const [key, entry] of world.neighbours)
    if (mine(entry) && drop('neighbours', entry.ip)) world.neighbours.delete(key)
  for (const [key, entry] of world.fdb) if (mine(entry) && drop('fdb', entry.mac)) world.fdb.delete(key)
}

function isV6(text: string): boolean {
  return text.includes(':')
}
