/**
 * nf_tables as the loop sees it: tables of ours in any netns, each replaced as a whole. What was written is known by a
 * fingerprint of what the kernel told of it right after; a table that no longer has it reads as one without content, so
 * that the next pass writes it again. Fingerprints live in memory: an agent that starts finds its tables by their mark
 * and replaces each once, in one transaction, which no packet notices.
 *
 * Invariants
 * - Only tables with our mark are read, replaced or removed; one of our name without it is refused.
 * - A fingerprint is kept only when nothing else happened in the netns between writing and reading back.
 */
import {
  type AwaitedLink,
  type ComingLink,
  type NftTable,
  type NftTableRef,
  nftClearScript,
  nftTableKey,
  nftTableScript,
  type Op,
  WeftError,
} from '@weft/shared'
import { PROTOCOL } from '../netlink/channel.ts'
import { type NetlinkSocket, openNetlink } from '../netlink/transport.ts'
import type { Namespaces } from '../netns.ts'
import { dumpLinks, findLink } from '../read/link-row.ts'
import { dumpTables, fingerprint, readGeneration } from './read-tables.ts'
import type { RunNft } from './run-nft.ts'

export type NftOp = Extract<Op, { op: 'nft-table-set' | 'nft-table-delete' }>

/** With what nft must be told of a link that comes. */
type ReadyOp = NftOp & { readonly awaited?: AwaitedLink }

export interface NftTables {
  /** Our tables of the netns. Empty when it is gone. */
  observe(netns: string): readonly NftTable[]
  /**
   * Carries out ops on one netns in one transaction. @throws `denied`, `invalid`, `internal`, `not_found` also for a link that
   * is not where it comes from, and `conflict` when its number is taken where it comes to
   */
  apply(netns: string, ops: readonly NftOp[]): void
  /** Changes when nf_tables changes in a netns that is watched: those given, and those that hold tables of ours. */
  generation(always: readonly string[]): string
}

interface Known {
  readonly generation: number
  /** Ours, as told by {@link NftTables.observe}. */
  readonly tables: ReadonlyMap<string, NftTable>
  /** Keys of those that are not. */
  readonly foreign: ReadonlySet<string>
  /** What was written, with its fingerprint. */
  readonly written: ReadonlyMap<string, { readonly table: NftTable; readonly print: string }>
}

/** Somebody else's transactions that may come between writing and reading back. */
const MOST_ATTEMPTS = 3

/** @param standing sockets of netns that outlive us: the end of one waits for what others took away (see `scriptOf`) */
export function createNftTables(
  namespaces: Namespaces,
  runNft: RunNft,
  standing: ReadonlyMap<string, NetlinkSocket>,
): NftTables {
  const known = new Map<string, Known>()

  /** Elsewhere a socket for one exchange: one that stays would keep a dead sandbox alive. */
  function within<T>(netns: string, body: (socket: NetlinkSocket) => T): T {
    return namespaces.within(netns, () => {
      const stays = standing.get(netns)
      if (stays !== undefined) return body(stays)
      using socket = openNetlink(PROTOCOL.netfilter)
      return body(socket)
    })
  }

  function look(netns: string, socket: NetlinkSocket): Known {
    const before = known.get(netns)
    const generation = readGeneration(socket)
    if (before?.generation === generation) return before
    const written = new Map(before?.written)
    const tables = new Map<string, NftTable>()
    const foreign = new Set<string>()
    for (const { owned, ...found } of dumpTables(socket)) {
      const ref = { netns, ...found }
      const key = nftTableKey(ref)
      if (!owned) {
        foreign.add(key)
        continue
      }
      const own = written.get(key)
      const isOwn = own !== undefined && own.print === fingerprint(socket, found)
      tables.set(key, isOwn ? own.table : { ...ref, sets: [], chains: [] })
    }
    const now = { generation, tables, foreign, written }
    // Changed while it was read: it is read again.
    if (readGeneration(socket) === generation) known.set(netns, now)
    return now
  }

  /** In the sandbox that it comes to it keeps its number, unless another has it there. */
  function awaitedIn(netns: string, { link, names }: ComingLink): AwaitedLink {
    const row = namespaces.within(link.netns, () => {
      using socket = openNetlink()
      return findLink(socket, link.name)
    })
    if (row === undefined) throw new WeftError('not_found', { what: 'link has left already', on: link.name })
    const { index } = row
    const isTaken = namespaces.within(netns, () => {
      using socket = openNetlink()
      return dumpLinks(socket).some((each) => each.index === index)
    })
    if (isTaken) throw new WeftError('conflict', { what: 'number of the link is taken', on: `${link.name} (${index})` })
    return { names, index }
  }

  function write(netns: string, socket: NetlinkSocket, ops: readonly ReadyOp[]): void {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const before = look(netns, socket)
      const script = scriptOf(before, ops)
      if (script === '') return
      runNft(script)
      const next = after(before, socket, ops)
      if (readGeneration(socket) !== before.generation + 1) continue
      known.set(netns, { ...next, generation: before.generation + 1 })
      return
    }
    // What was written cannot be told from somebody's change of it: the next pass writes it again.
    known.delete(netns)
  }

  return {
    observe: (netns) => {
      try {
        return [...within(netns, (socket) => look(netns, socket)).tables.values()]
      } catch (error) {
        if (!isGone(error)) throw error
        known.delete(netns)
        return []
      }
    },
    apply: (netns, ops) => {
      const ready = ops.map(
        (op): ReadyOp =>
          op.op === 'nft-table-delete' || op.coming === undefined
            ? op
            : { ...op, awaited: awaitedIn(netns, op.coming) },
      )
      within(netns, (socket) => write(netns, socket, ready))
    },
    generation: (always) => {
      const holding = [...known].flatMap(([netns, { tables }]) => (tables.size > 0 ? netns : []))
      const numbers = [...new Set([...always, ...holding])].map((netns) => {
        try {
          return within(netns, readGeneration)
        } catch (error) {
          if (isGone(error)) return 'gone'
          throw error
        }
      })
      return numbers.join(' ')
    },
  }
}

/**
 * What is taken away is freed after RCU's grace period, for which the end of every socket of nf_tables in the netns waits
 * (nft_rcv_nl_event): 10-30 ms. A table that is new takes nothing away.
 */
function scriptOf({ tables, foreign }: Known, ops: readonly ReadyOp[]): string {
  const there = new Set(tables.keys())
  return ops
    .map((op) => {
      const key = nftTableKey(op.table)
      if (foreign.has(key)) throw foreignTable(op.table)
      const isThere = there.delete(key)
      if (op.op === 'nft-table-delete') return isThere ? nftClearScript(op.table) : ''
      there.add(key)
      const text = nftTableScript(op.table, op.awaited)
      return isThere ? `${nftClearScript(op.table)}${text}` : text
    })
    .join('')
}

function after(before: Known, socket: NetlinkSocket, ops: readonly NftOp[]): Known {
  const [tables, written] = [new Map(before.tables), new Map(before.written)]
  for (const op of ops) {
    const key = nftTableKey(op.table)
    if (op.op === 'nft-table-delete') {
      tables.delete(key)
      written.delete(key)
    } else {
      tables.set(key, op.table)
      written.set(key, { table: op.table, print: fingerprint(socket, op.table) })
    }
  }
  return { ...before, tables, written }
}

function foreignTable({ family, name }: NftTableRef): WeftError {
  return new WeftError('denied', {
    what: 'nft table is not ours',
    on: `${family} ${name}`,
    why: 'it does not carry the mark of Weft (its comment)',
    remedy: `nft delete table ${family} ${name}, if nobody needs it`,
  })
}

function isGone(error: unknown): boolean {
  return error instanceof WeftError && error.code === 'not_found'
}
