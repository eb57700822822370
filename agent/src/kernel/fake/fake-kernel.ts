/**
 * A kernel in memory, as strict as Linux: what Linux refuses, it refuses with the same code; what Linux removes of
 * itself, it removes. It runs the same conformance suite as the real one (test/conformance/kernel.ts).
 */
import {
  type Announcement,
  FABRIC_NETNS,
  type HostState,
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
import { createWorld, type FakeWorld, linkKey, removeLink, removeNetns } from './world.ts'
import { asStored, everything, fill, lines, observed } from './world-state.ts'

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
      setTable(world, op.table, op.coming)
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
