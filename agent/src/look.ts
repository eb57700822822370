/**
 * A pass's look: what is observed, what it says of the host's endpoints, and the ops that follow. It notes in the records what
 * was seen and asks nobody else.
 */
import type { Announcement, DriverHost, HostPortClaim, HostProblem, HostState, LocalEndpoint, Op } from '@weft/shared'
import type { CarryMode } from './carrying.ts'
import type { Kernel } from './kernel/index.ts'
import {
  announcements,
  bridgeEnds,
  type Conflict,
  claimsOf,
  confirmAttachments,
  desiredState,
  diff,
  renameOps,
  type TakenPort,
} from './plan/index.ts'
import { arrived, withAttachments } from './state/arrived.ts'
import { bridgeUses, settleEgress } from './state/egress.ts'
import { localEndpoints, sandboxesOf } from './state/local-endpoints.ts'
import { type LocalRecords, withRecord } from './state/records.ts'
import type { StateStore } from './state/store.ts'

export interface LookOptions {
  readonly host: string
  readonly kernel: Pick<Kernel, 'observe'>
  readonly store: StateStore
  readonly now: () => number
  /** Whether routers may be carried (carrying.ts). */
  readonly carryMode: () => CarryMode
  /** Those of these ports that somebody on the host listens on. */
  readonly listenersAt: (claims: readonly HostPortClaim[]) => Promise<readonly TakenPort[]>
  /** The endpoint's way out became another. */
  readonly onEgress: (uid: string) => void
}

export interface Look {
  readonly ops: readonly Op[]
  readonly conflicts: readonly Conflict[]
  readonly problems: readonly HostProblem[]
  readonly observed: HostState
  /** Addresses of Weft's own that come up with these ops. */
  readonly fresh: readonly Announcement[]
}

/** When interfaces that Docker moves were first seen in their sandboxes, by endpoint. */
export type Sightings = Map<string, number>

/** Observes, notes which interfaces have arrived in their sandboxes, and plans. */
export async function look(options: LookOptions, host: DriverHost, sightings: Sightings): Promise<Look> {
  const { kernel, store, now } = options
  const { state: observed, missing } = await kernel.observe(sandboxesOf(store.current.endpoints))
  const { entries, endpoints: records } = store.written
  const before = localEndpoints(records, entries)
  const seen = [...before.values()].flatMap((list) => {
    const confirmed = confirmAttachments(list, observed, missing)
    return confirmed.map((after, index) => {
      const earlier = list[index] ?? after
      const since = sighted(sightings, earlier, after, now())
      return arrived({ records, entries, since }, earlier, after, observed, now())
    })
  })
  for (const uid of sightings.keys()) if (!records.has(uid)) sightings.delete(uid)
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

function sighted(sightings: Sightings, before: LocalEndpoint, after: LocalEndpoint, now: number): number {
  const isMoved = before.attachment.phase === 'in-flight' && after.attachment.phase === 'sandbox'
  const since = isMoved ? (sightings.get(after.uid) ?? now) : now
  if (isMoved) sightings.set(after.uid, since)
  else sightings.delete(after.uid)
  return since
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

function noteEgress({ store, onEgress }: LookOptions, moved: LocalRecords): void {
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
