/**
 * A pass's look: what is observed, what it says of the host's endpoints, and the ops that follow. It notes in the records what
 * was seen and asks nobody else.
 */
import type { Announcement, DriverHost, HostProblem, HostState, LocalEndpoint, Op } from '@weft/shared'
import type { CarryMode } from './carrying.ts'
import {
  announcements,
  bridgeEnds,
  type Conflict,
  claimsOf,
  confirmAttachments,
  desiredState,
  diff,
  renameOps,
} from './plan/index.ts'
import type { ReconcileOptions } from './reconcile.ts'
import { arrived, withAttachments } from './state/arrived.ts'
import { bridgeUses, settleEgress } from './state/egress.ts'
import { localEndpoints, sandboxesOf } from './state/local-endpoints.ts'
import { type LocalRecords, withRecord } from './state/records.ts'
import type { StateStore } from './state/store.ts'

export interface Look {
  readonly ops: readonly Op[]
  readonly conflicts: readonly Conflict[]
  readonly problems: readonly HostProblem[]
  readonly observed: HostState
  /** Addresses of Weft's own that come up with these ops. */
  readonly fresh: readonly Announcement[]
}

/** Observes, notes which interfaces have arrived in their sandboxes, and plans. */
export async function look(options: ReconcileOptions, host: DriverHost): Promise<Look> {
  const { kernel, store, now } = options
  const { state: observed, missing } = await kernel.observe(sandboxesOf(store.current.endpoints))
  const { entries, endpoints: records } = store.written
  const before = localEndpoints(records, entries)
  const seen = [...before.values()].flatMap((list) => {
    const confirmed = confirmAttachments(list, observed, missing)
    return confirmed.map((after, index) => arrived({ records, entries }, list[index] ?? after, after, observed, now()))
  })
  note(store, seen, now())
  // Once more with what was seen: where one interface is decides over the routes of others.
  const placed = withAttachments(records, seen, now())
  const ends = bridgeEnds(observed)
  const moved = settleEgress(placed, entries, new Set(ends.map(({ netns }) => netns)))
  noteEgress(options, moved)
  const settled = new Map([...placed, ...moved])
  const endpoints = localEndpoints(settled, entries)
  const taken = await options.listenersAt(claimsOf({ entries, endpoints, hostId: options.host }))
  const { state: desired, problems } = desiredState({
    entries,
    endpoints,
    hostId: options.host,
    host,
    taken,
    mayCarry: mayCarry(options.carryMode(), observed),
    bridges: { ends, uses: bridgeUses(settled, entries) },
  })
  const renames = renameOps(endpoints, observed)
  const { ops, conflicts } = diff(desired, observed)
  return {
    ops: [...ops, ...renames.ops],
    conflicts,
    problems: [...problems, ...renames.problems],
    observed,
    fresh: announcements(desired, observed),
  }
}

function mayCarry(mode: CarryMode, observed: HostState): (netns: string) => boolean {
  const present = new Set(observed.namespaces.map(({ netns }) => netns))
  return (netns) => mode === 'all' || (mode === 'present' && present.has(netns))
}

function note(store: StateStore, endpoints: readonly LocalEndpoint[], now: number): void {
  store.change((state) => {
    const next = withAttachments(state.endpoints, endpoints, now)
    return next === state.endpoints ? state : { ...state, endpoints: next }
  })
}

function noteEgress({ store, onEgress }: ReconcileOptions, moved: LocalRecords): void {
  if (moved.size === 0) return
  store.change((state) =>
    [...moved.values()].reduce((next, { uid, sandbox, joinedEgress, egress, ownGateway }) => {
      const record = next.endpoints.get(uid)
      if (record === undefined || record.sandbox !== sandbox) return next
      const known = {
        ...(joinedEgress && { joinedEgress }),
        ...(egress && { egress }),
        ...(ownGateway && { ownGateway }),
      }
      return withRecord(next, { ...record, ...known })
    }, state),
  )
  for (const uid of moved.keys()) onEgress(uid)
}
