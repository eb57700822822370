/**
 * One pass: facts and intent -> desired; observed; diff; apply; observed again; what came of it. The same pass for every
 * trigger, and a second one writes nothing.
 *
 * Invariants
 * - It acts on what the state file holds, never on more.
 * - While the agent does not know which containers have endpoints (its file was lost), nothing is removed.
 */
import {
  type DriverHost,
  deviceRoutes,
  type HostFacts,
  type HostProblem,
  type HostState,
  type LocalEndpoint,
  type Op,
} from '@weft/shared'
import { OpBackoff } from './backoff.ts'
import type { Kernel } from './kernel/index.ts'
import type { Log } from './log.ts'
import { type Conflict, confirmAttachments, desiredState, diff, formatOp } from './plan/index.ts'
import { localEndpoints, sandboxesOf, withAttachment } from './state/local-endpoints.ts'
import { type LocalRecords, withRecord } from './state/records.ts'
import type { StateStore } from './state/store.ts'

export interface ReconcileOptions {
  readonly host: string
  readonly kernel: Kernel
  readonly store: StateStore
  readonly log: Log
  /** @throws while the host cannot be described */
  readonly facts: () => HostFacts
  readonly now: () => number
}

export interface PassResult {
  /** Revision of the intent that the kernel now matches; undefined when it does not, or when there was nothing to act on. */
  readonly applied: number | undefined
  readonly problems: readonly HostProblem[]
  /** Ops carried out. */
  readonly ops: number
  /** Milliseconds until a refused op may be tried again. */
  readonly retryInMs: number | undefined
  /** As last observed. */
  readonly observed: HostState | undefined
}

/** Rounds within one pass: one is enough unless the first op list made something visible that needs another. */
const MOST_ROUNDS = 3

export function createReconcile(options: ReconcileOptions): () => Promise<PassResult> {
  const { kernel, store, log, facts, now } = options
  const backoff = new OpBackoff()
  return async () => {
    const began = performance.now()
    await store.durable().catch(() => undefined)
    const revision = store.written.position?.revision
    if (revision === undefined)
      return { applied: undefined, problems: [], ops: 0, retryInMs: undefined, observed: undefined }
    const driverHost = hostOf(facts())
    let done = 0
    let round = await look(options, driverHost)
    for (let count = 0; count < MOST_ROUNDS; count++) {
      const wanted = store.written.endpointsKnown ? round.ops : round.ops.filter((op) => !removes(op))
      const ops = backoff.due(wanted, now())
      if (ops.length === 0) break
      const failures = await kernel.apply(ops)
      for (const { op, error } of failures) {
        backoff.failed(op, error, formatOp(op), now())
        log.warn({ op: formatOp(op), code: error.code, error: error.message }, 'kernel refused an op')
      }
      done += ops.length - failures.length
      round = await look(options, driverHost)
      if (failures.length > 0) break
    }
    backoff.due(round.ops, now())
    const problems = [...round.problems, ...round.conflicts.map(problemOfConflict), ...backoff.problems]
    const level = done > 0 ? 'info' : 'debug'
    log[level]({ revision, ops: done, problems: problems.length, ms: Math.round(performance.now() - began) }, 'pass')
    const left = store.written.endpointsKnown ? round.ops.length : round.ops.filter((op) => !removes(op)).length
    const clean = problems.length === 0 && left === 0
    const { nextDue } = backoff
    return {
      applied: clean ? revision : undefined,
      problems,
      ops: done,
      retryInMs: nextDue === undefined ? (left > 0 ? 1_000 : undefined) : Math.max(0, nextDue - now()),
      observed: round.observed,
    }
  }
}

interface Look {
  readonly ops: readonly Op[]
  readonly conflicts: readonly Conflict[]
  readonly problems: readonly HostProblem[]
  readonly observed: HostState
}

/** Observes, notes which interfaces have arrived in their sandboxes, and plans. */
async function look(options: ReconcileOptions, host: DriverHost): Promise<Look> {
  const { kernel, store, now } = options
  const { state: observed, missing } = await kernel.observe(sandboxesOf(store.current.endpoints))
  const { entries, endpoints: records } = store.written
  const before = localEndpoints(records, entries)
  const endpoints = new Map(
    [...before].map(([network, list]) => {
      const confirmed = confirmAttachments(list, observed, missing)
      return [network, confirmed.map((after, index) => arrived(records, list[index] ?? after, after, observed, now()))]
    }),
  )
  note(store, [...endpoints.values()].flat(), now())
  const { state: desired, problems } = desiredState({ entries, endpoints, hostId: options.host, host })
  return { ...diff(desired, observed), problems, observed }
}

/** However long Docker takes; then the interface is ours to keep whatever it lacks. */
const MOVING_MS = 15_000

/**
 * An interface seen in its sandbox is kept from when Docker is done with it. Adding its address or route before Docker
 * does makes Docker's own attempt fail, and the container's start with it.
 */
function arrived(
  records: LocalRecords,
  before: LocalEndpoint,
  after: LocalEndpoint,
  observed: HostState,
  now: number,
): LocalEndpoint {
  if (before.attachment.phase !== 'in-flight' || after.attachment.phase !== 'sandbox') return after
  const record = records.get(after.uid)
  if (record === undefined || record.settled || now - record.since > MOVING_MS) return after
  const { netns, name } = after.attachment.link
  const up = observed.links.some((link) => link.netns === netns && link.name === name && link.up === true)
  const has = new Set(
    observed.addresses.flatMap((each) => (each.netns === netns && each.link === name ? each.address : [])),
  )
  const routed = new Set(observed.routes.flatMap((each) => (each.netns === netns ? (each.via ?? []) : [])))
  const byDevice = (destination: string) =>
    observed.routes.some((each) => each.netns === netns && each.link === name && each.destination === destination)
  const isRouted = after.gateways.every((each) => routed.has(each)) && deviceRoutes(after).every(byDevice)
  const done = up && after.addresses.every((each) => has.has(each)) && isRouted
  return done ? after : before
}

function note(store: StateStore, endpoints: readonly LocalEndpoint[], now: number): void {
  store.change((state) =>
    endpoints.reduce((changed, { uid, attachment }) => {
      const record = changed.endpoints.get(uid)
      const next = record === undefined ? undefined : withAttachment(record, attachment, now)
      return next === undefined || next === record ? changed : withRecord(changed, next)
    }, state),
  )
}

function hostOf({ underlay, interfaces }: HostFacts): DriverHost {
  return { underlay, interfaces, uplinks: {} }
}

function removes(op: Op): boolean {
  return op.op.endsWith('-delete')
}

function problemOfConflict({ link, why }: Conflict): HostProblem {
  const where = link.netns === '' ? link.name : `${link.name} in netns ${link.netns}`
  return { code: 'conflict', message: `link ${where}: ${why}`.slice(0, 2000) }
}
