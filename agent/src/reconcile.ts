/**
 * One pass: facts and intent -> desired; observed; diff; apply; what came of it. The same pass for every trigger, and a
 * second one writes nothing. Beside it the short way for one endpoint (plan/endpoint.ts), which the next pass confirms.
 *
 * It observes again when an op failed, or while something is in the way. Otherwise the kernel has acknowledged every op,
 * the changes themselves ring the doorbell, and the pass that it asks for is the second look.
 *
 * Invariants
 * - It acts on what the state files hold, never on more.
 * - While the agent does not know which containers have endpoints (its file was lost), nothing is removed.
 * - What is applied follows from what was observed, with nothing of ours in between: a pass's round and the short way
 *   exclude each other.
 */
import {
  type Announcement,
  type DriverHost,
  formatOp,
  type HostFacts,
  type HostProblem,
  type HostState,
} from '@weft/shared'
import { OpBackoff } from './backoff.ts'
import type { Kernel } from './kernel/index.ts'
import type { Log } from './log.ts'
import { type Look, type LookOptions, look, type Sightings } from './look.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { type Conflict, holdRemovals, planEndpoint } from './plan/index.ts'
import { localEndpoints } from './state/local-endpoints.ts'
import type { StateStore } from './state/store.ts'

export interface ReconcileOptions extends LookOptions {
  readonly kernel: Kernel
  readonly log: Log
  /** @throws while the host cannot be described */
  readonly facts: () => HostFacts
}

export interface PassResult {
  /** Revision of the intent that the kernel now matches; undefined when it does not, or when there was nothing to act on. */
  readonly applied: number | undefined
  readonly problems: readonly HostProblem[]
  /** Ops carried out. */
  readonly ops: number
  /** Milliseconds until a refused op may be tried again. */
  readonly retryInMs: number | undefined
  /** As last observed; undefined when something was changed since. */
  readonly observed: HostState | undefined
}

export interface Reconcile {
  readonly pass: () => Promise<PassResult>
  /**
   * Makes the interface of the endpoint whose record is on disk, without a pass. False when that takes one: before the
   * first, while the network has a problem, when more than the endpoint's own links would change, or when an op failed.
   */
  readonly wire: (uid: string) => Promise<boolean>
  /** Runs work on the kernel between rounds, with the host as the last pass saw it; not before the first. */
  readonly between: (work: (host: DriverHost) => Promise<void>) => Promise<void>
}

const ANNOUNCE_AFTER_MS = [0, 200, 1_000, 2_000] as const

/** Rounds within one pass: one is enough unless the first op list made something visible that needs another. */
const MOST_ROUNDS = 3

export function createReconcile(options: ReconcileOptions): Reconcile {
  const { kernel, store, log, facts, now } = options
  const backoff = new OpBackoff()
  const exclusively = oneAtATime()
  const sightings: Sightings = new Map()
  let last: Standing | undefined

  /** Several times, since a switch may still be learning, or a neighbour asleep. */
  const tell = (fresh: readonly Announcement[]) => {
    if (fresh.length === 0) return
    for (const ms of ANNOUNCE_AFTER_MS) setTimeout(() => void kernel.announce(fresh), ms).unref()
  }

  /** Looks, and carries out what is due. */
  const round = (host: DriverHost) =>
    exclusively(async (): Promise<Round> => {
      const seen = await look(options, host, sightings)
      const wanted = store.written.endpointsKnown ? seen.ops : holdRemovals(seen.ops)
      const ops = backoff.due(wanted, now())
      const failures = ops.length === 0 ? [] : await kernel.apply(ops)
      for (const { op, error } of failures) {
        backoff.failed(op, error, now())
        log.warn({ op: formatOp(op), code: error.code, error: error.message }, 'kernel refused an op')
      }
      if (ops.length > failures.length) tell(seen.fresh)
      return { ...seen, done: ops.length - failures.length, failed: failures.length, left: wanted.length - ops.length }
    })

  const pass = async (): Promise<PassResult> => {
    const began = performance.now()
    keep(store)
    const revision = store.written.position?.revision
    if (revision === undefined)
      return { applied: undefined, problems: [], ops: 0, retryInMs: undefined, observed: undefined }
    const host = hostOf(facts())
    let end = await round(host)
    let { done } = end
    for (let count = 1; count < MOST_ROUNDS && needsAnother(end); count++) {
      const failed = end.failed > 0
      end = await round(host)
      done += end.done
      if (failed) break
    }
    const problems = [...end.problems, ...end.conflicts.map(problemOfConflict), ...backoff.problems]
    last = { host, problems }
    const level = done > 0 ? 'info' : 'debug'
    log[level]({ revision, ops: done, problems: problems.length, ms: Math.round(performance.now() - began) }, 'pass')
    const left = end.left + end.failed
    const { nextDue } = backoff
    return {
      applied: problems.length === 0 && left === 0 ? revision : undefined,
      problems,
      ops: done,
      retryInMs: nextDue === undefined ? (left > 0 ? 1_000 : undefined) : Math.max(0, nextDue - now()),
      observed: end.done > 0 ? undefined : end.observed,
    }
  }

  const wire = (uid: string) =>
    exclusively(async (): Promise<boolean> => {
      const began = performance.now()
      const record = store.written.endpoints.get(uid)
      const isTroubled = last?.problems.some(({ network }) => network === record?.network) ?? true
      if (record === undefined || last === undefined || isTroubled) return false
      const { entries, endpoints } = store.written
      const wired = localEndpoints(endpoints, entries).get(record.network) ?? []
      const endpoint = wired.find((each) => each.uid === uid)
      if (endpoint === undefined) return false
      const other = wired.find((each) => each.uid !== uid)
      const network = { network: record.network, endpoint, other }
      const plan = planEndpoint({ ...network, entries, hostId: options.host, host: last.host })
      const ops = plan?.ops(await kernel.find(plan.refs))
      if (ops === undefined) return false
      const [failure] = await kernel.apply(ops)
      if (failure !== undefined) {
        log.warn(
          { op: formatOp(failure.op), code: failure.error.code, error: failure.error.message },
          'endpoint refused',
        )
        return false
      }
      log.info({ endpoint: uid, ops: ops.length, ms: Math.round(performance.now() - began) }, 'endpoint wired')
      return true
    })

  const between = (work: (host: DriverHost) => Promise<void>) =>
    exclusively(async () => {
      if (last !== undefined) await work(last.host)
    })

  return { pass, wire, between }
}

/** What the last pass went by, and what it left. */
interface Standing {
  readonly host: DriverHost
  readonly problems: readonly HostProblem[]
}

interface Round extends Look {
  /** Ops carried out, refused, and not yet due again. */
  readonly done: number
  readonly failed: number
  readonly left: number
}

/** Something was tried, and it failed or something else is in the way. */
function needsAnother({ done, failed, conflicts, problems }: Round): boolean {
  return failed > 0 || (done > 0 && conflicts.length + problems.length > 0)
}

function keep(store: StateStore): void {
  try {
    store.keep()
  } catch {
    // It is logged and told as a problem of the host (store.failure); the pass acts on what was written before.
  }
}

function hostOf({ underlay, interfaces }: HostFacts): DriverHost {
  return { underlay, interfaces, uplinks: {} }
}

function problemOfConflict({ link, why }: Conflict): HostProblem {
  const where = link.netns === '' ? link.name : `${link.name} in netns ${link.netns}`
  return { code: 'conflict', message: `link ${where}: ${why}`.slice(0, 2000) }
}
