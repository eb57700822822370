/** The fake kernel's world as a HostState, and the other way round. */
import { FABRIC_NETNS, formatOp, type HostState, isSandbox, type Link, nftTableKey, type Op } from '@weft/shared'
import { setFdb } from './entry-rules.ts'
import { type FakeWorld, linkKey, type StoredLink } from './world.ts'

/** What the kernel tells who looks into these namespaces: all of what is ours, and in sandboxes the rest as well. */
export function observed(world: FakeWorld, seen: ReadonlySet<string>): HostState {
  const all = everything(world)
  const owned = new Set(all.links.filter((link) => link.owned).map(linkKey))
  const isSeen = (entry: { netns: string }) => seen.has(entry.netns)
  const ofOwned = (entry: { netns: string; link: string }) =>
    isSeen(entry) && owned.has(linkKey({ netns: entry.netns, name: entry.link }))
  return structuredClone({
    namespaces: all.namespaces,
    links: all.links.filter((link) => isSeen(link) && (link.netns !== FABRIC_NETNS || link.owned)),
    addresses: all.addresses.filter((entry) => ofOwned(entry) || (isSeen(entry) && isSandbox(entry.netns))),
    routes: all.routes.filter(
      (entry) => entry.netns !== FABRIC_NETNS && (ofOwned(entry) || (isSeen(entry) && isSandbox(entry.netns))),
    ),
    neighbours: all.neighbours.filter(ofOwned),
    fdb: all.fdb.filter(ofOwned),
    nftTables: all.nftTables.filter(isSeen),
    hostForwarding: all.hostForwarding,
  })
}

export function everything(world: FakeWorld): HostState {
  return {
    namespaces: [...world.routers].map(([netns, forwarding]) => ({ netns, forwarding })),
    links: [...world.links.values()].map((link) => withPeer(world, link)),
    addresses: [...world.addresses.values()],
    routes: [...world.routes.values()],
    neighbours: [...world.neighbours.values()],
    fdb: [...world.fdb.values()],
    nftTables: [...world.tables.values()],
    hostForwarding: [...world.forwarding],
  }
}

/** The other end is told only where it can be: from a sandbox towards the host, never towards a sandbox. */
function withPeer(world: FakeWorld, link: StoredLink): Link {
  if (link.kind !== 'veth') return link
  const { peer: _, peerMac: _mac, ...rest } = link
  const other = world.links.get(world.pairs.get(linkKey(link)) ?? '')
  const known =
    other !== undefined && (other.netns === '' || other.netns === FABRIC_NETNS || other.netns === link.netns)
  return known ? { ...rest, peer: { netns: other.netns, name: other.name } } : rest
}

export function asStored(link: Link): StoredLink {
  return {
    ...link,
    mtu: link.mtu ?? 1500,
    mac: link.mac ?? '02:00:00:00:00:00',
    up: link.up ?? true,
    master: link.master ?? null,
    ipv6: link.ipv6 ?? true,
    owned: link.owned ?? false,
  }
}

/** Puts a state into an empty world as it is, whatever Linux would say to it. */
export function fill(world: FakeWorld, initial: Partial<HostState>): void {
  const state = structuredClone(initial)
  for (const { netns, forwarding } of state.namespaces ?? []) {
    world.netns.add(netns)
    world.routers.set(netns, forwarding)
  }
  for (const link of state.links ?? []) {
    world.netns.add(link.netns)
    world.links.set(linkKey(link), asStored(link))
    if (link.kind === 'veth' && link.peer !== undefined) {
      world.pairs.set(linkKey(link), linkKey(link.peer))
      world.pairs.set(linkKey(link.peer), linkKey(link))
    }
  }
  const place = (entry: { netns: string; link: string }) => `${entry.netns}|${entry.link}`
  for (const entry of state.addresses ?? []) world.addresses.set(`${place(entry)} ${entry.address}`, entry)
  for (const entry of state.routes ?? []) world.routes.set(`${entry.netns} ${entry.destination}`, entry)
  for (const entry of state.neighbours ?? []) world.neighbours.set(`${place(entry)} ${entry.ip}`, entry)
  for (const entry of state.fdb ?? []) setFdb(world, entry)
  for (const table of state.nftTables ?? []) world.tables.set(nftTableKey(table), table)
  world.forwarding = state.hostForwarding ?? []
}

/** As `ip` and its like would have made it. */
export function lines(world: FakeWorld): string[] {
  const state = everything(world)
  const ops: Op[] = [
    ...state.namespaces.map((namespace) => ({ op: 'netns-add', namespace }) as const),
    ...state.links.filter((link) => link.kind !== 'other').map((link) => ({ op: 'link-add', link }) as const),
    ...state.addresses.map((address) => ({ op: 'address-add', address }) as const),
    ...state.routes.map((route) => ({ op: 'route-set', route }) as const),
    ...state.neighbours.map((neighbour) => ({ op: 'neighbour-set', neighbour }) as const),
    ...state.fdb.map((entry) => ({ op: 'fdb-set', entry }) as const),
    ...state.nftTables.map((table) => ({ op: 'nft-table-set', table }) as const),
  ]
  if (state.hostForwarding.length > 0) ops.push({ op: 'host-forwarding-set', families: state.hostForwarding })
  return ops.map(formatOp).sort()
}
