/**
 * A kernel in memory, as strict as Linux: what Linux refuses, it refuses with the same code; what Linux removes of
 * itself, it removes. It runs the same conformance suite as the real one (test/conformance/kernel.ts).
 */
import {
  type Announcement,
  FABRIC_NETNS,
  formatOp,
  type HostState,
  isSandbox,
  type Link,
  type LinkRef,
  type NftTableRef,
  nftTableKey,
  type Op,
  WeftError,
} from '@weft/shared'
import type { Kernel, OpFailure } from '../kernel.ts'
import {
  addAddress,
  deleteAddress,
  deleteFdb,
  deleteNeighbour,
  deleteRoute,
  setFdb,
  setNeighbour,
  setRoute,
} from './entry-rules.ts'
import { addLink, deleteLink, setLink } from './link-rules.ts'
import { deleteTable, setTable } from './nft-rules.ts'
import { needOurs, refuse } from './refuse.ts'
import { createWorld, type FakeWorld, linkKey, removeLink, removeNetns, type StoredLink } from './world.ts'

export interface FakeKernel extends Kernel {
  addSandbox(path: string): void
  /** The sandbox and all its links go, as when a container is destroyed. */
  removeSandbox(path: string): void
  /** A link that is not ours: a NIC of the host, an admin's bridge. Rings. */
  addForeign(link: Link): void
  /** An nft table that is not ours. */
  addForeignTable(table: NftTableRef): void
  /** Somebody alters a table of ours. Rings. */
  alterTable(table: NftTableRef): void
  /** Somebody removes a link by hand, ours or not. Rings. */
  removeByHand(ref: LinkRef): void
  /** Somebody else carries out ops. Rings; throws the first refusal. */
  tamper(ops: readonly Op[]): void
  /** What was announced, in order. */
  readonly announced: readonly Announcement[]
  /** Everything it holds, as one reads it on a host. */
  snapshot(): HostState
  /** Everything it holds as iproute2 lines, sorted. */
  toText(): string
}

/** An empty host, or one that holds `initial` already (its links keep their `owned`). */
export function createFakeKernel(initial?: Partial<HostState>): FakeKernel {
  const world = createWorld()
  const announced: Announcement[] = []
  const bells = new Set<() => void>()
  const ring = () => {
    for (const bell of bells) bell()
  }
  if (initial !== undefined) fill(world, initial)

  const carryOut = (ops: readonly Op[]): OpFailure[] =>
    ops.flatMap((op) => {
      try {
        perform(world, op)
        return []
      } catch (error) {
        if (isRemovalOfGone(op, error)) return []
        return [{ op, error: WeftError.from(error) }]
      }
    })

  return {
    observe: async (sandboxes) => {
      const missing = [...new Set(sandboxes)].filter((sandbox) => !world.netns.has(sandbox))
      const seen = new Set([
        '',
        FABRIC_NETNS,
        ...world.routers.keys(),
        ...sandboxes.filter((sandbox) => world.netns.has(sandbox)),
      ])
      return { state: observed(world, seen), missing }
    },
    find: async (refs) => {
      const wanted = new Set(refs.map(linkKey))
      return structuredClone(everything(world).links.filter((link) => wanted.has(linkKey(link))))
    },
    apply: async (ops) => {
      const failures = carryOut(ops)
      if (ops.length > 0) ring()
      return failures
    },
    announced,
    announce: async (announcements) => {
      announced.push(...announcements.filter(({ netns, link }) => world.links.has(linkKey({ netns, name: link }))))
    },
    changes: (signal) => rings(bells, signal),
    addSandbox: (path) => {
      world.netns.add(path)
    },
    removeSandbox: (path) => {
      removeNetns(world, path)
      ring()
    },
    addForeign: (link) => {
      world.links.set(linkKey(link), asStored({ ...link, owned: false }))
      ring()
    },
    addForeignTable: (table) => {
      world.foreignTables.set(nftTableKey(table), table)
    },
    alterTable: ({ netns, family, name }) => {
      const table = { netns, family, name, sets: [], chains: [] }
      if (world.tables.has(nftTableKey(table))) world.tables.set(nftTableKey(table), table)
      ring()
    },
    removeByHand: (ref) => {
      removeLink(world, linkKey(ref))
      ring()
    },
    tamper: (ops) => {
      const [failure] = carryOut(ops)
      ring()
      if (failure !== undefined) throw failure.error
    },
    snapshot: () => structuredClone(everything(world)),
    toText: () => lines(world).join('\n'),
  }
}

function perform(world: FakeWorld, op: Op): void {
  switch (op.op) {
    case 'netns-add':
      checkRouterName(op.namespace.netns)
      world.netns.add(op.namespace.netns)
      world.routers.set(op.namespace.netns, op.namespace.forwarding)
      break
    case 'netns-delete':
      checkRouterName(op.netns)
      removeNetns(world, op.netns)
      break
    case 'link-add':
      addLink(world, op.link)
      break
    case 'link-delete':
      deleteLink(world, op.netns, op.name)
      break
    case 'link-set':
      setLink(world, needOurs(world, op), op.set)
      break
    case 'address-add':
      addAddress(world, op.address)
      break
    case 'address-delete':
      deleteAddress(world, op.address)
      break
    case 'route-set':
      setRoute(world, op.route)
      break
    case 'route-delete':
      deleteRoute(world, op.route)
      break
    case 'neighbour-set':
      setNeighbour(world, op.neighbour)
      break
    case 'neighbour-delete':
      deleteNeighbour(world, op.neighbour)
      break
    case 'fdb-set':
      setFdb(world, op.entry)
      break
    case 'fdb-delete':
      deleteFdb(world, op.entry)
      break
    case 'nft-table-set':
      setTable(world, op.table)
      break
    case 'nft-table-delete':
      deleteTable(world, op.table)
      break
    // Of flows it knows nothing.
    case 'flows-forget':
      break
    case 'host-forwarding-set':
      world.forwarding = [...op.families]
  }
}

function checkRouterName(netns: string): void {
  if (!/^weft-r-[0-9a-z]{12}$/.test(netns)) refuse('EINVAL', 'not a namespace of a router', netns)
}

function isRemovalOfGone(op: Op, error: unknown): boolean {
  return op.op.endsWith('-delete') && error instanceof WeftError && error.code === 'not_found'
}

function observed(world: FakeWorld, seen: ReadonlySet<string>): HostState {
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

function everything(world: FakeWorld): HostState {
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

function asStored(link: Link): StoredLink {
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

function fill(world: FakeWorld, initial: Partial<HostState>): void {
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

function lines(world: FakeWorld): string[] {
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

async function* rings(bells: Set<() => void>, signal: AbortSignal): AsyncGenerator<void> {
  // Rung at the start like the real one, which rings as soon as it listens.
  let ringing = true
  let wake: (() => void) | undefined
  const bell = () => {
    ringing = true
    wake?.()
  }
  bells.add(bell)
  signal.addEventListener('abort', () => wake?.(), { once: true })
  try {
    while (!signal.aborted) {
      if (ringing) {
        ringing = false
        yield
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    bells.delete(bell)
  }
}
