/** How far the hosts are, now or once they all are there. Event driven: reports, targets and the store wake the waiter. */
import { type HostStatus, type Position, type StatusView, WeftError } from '@weft/shared'
import type { Board } from '../intents/board.ts'
import { hasReached } from '../intents/board.ts'

/** Milliseconds that `wait` waits when the client says nothing. */
export const DEFAULT_WAIT_MS = 60_000

/** Milliseconds that the leader is given for what follows from a change: a few of its rounds. */
const FOLLOW_UPS_MS = 3_000

export interface StatusHost {
  readonly id: string
  readonly alive: boolean
  readonly epoch: number
}

/** What the status is made of; given in, so that it is tested without a store. */
export interface StatusSource {
  readonly board: Board
  readonly hosts: () => readonly StatusHost[]
  readonly target: (host: string) => Position
  /** True while nobody can tell what hosts should have, for etcd records that cannot be read. */
  readonly onHold: () => boolean
  /** Resolves when targets reflect everything up to the revision; rejects when the signal aborts. */
  readonly targetsAt: (revision: number, signal: AbortSignal) => Promise<void>
  /**
   * Resolves when the leader has added what the cluster as it is asks of it (hosts' shims), or else when the signal aborts;
   * gives the revision of the view then.
   */
  readonly followUps: (signal: AbortSignal) => Promise<number>
  readonly summary: () => Omit<StatusView, 'hosts' | 'converged'>
}

/** The status as it is now: converged when every host that is alive is. */
export function currentStatus(source: StatusSource): StatusView {
  const hosts = source.hosts().map((host) => source.board.status(host, source.target(host.id)))
  const summary = source.summary()
  const gone = hosts.filter((host) => !host.alive).map((host) => `host ${host.id} is not alive`)
  return {
    ...summary,
    hosts,
    converged: !source.onHold() && hosts.every((host) => host.converged || !host.alive),
    warnings: [...summary.warnings, ...gone],
  }
}

/**
 * Waits until every live host has reached what it should have at `revision`, with what the leader adds to it, or what came
 * later; what is changed while one waits is not waited for. At the timeout, and when the client goes, the status as it then is.
 */
export async function waitForStatus(
  source: StatusSource,
  revision: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<StatusView> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const end = AbortSignal.any([signal, timeout])
  if (!(await arrives(source, revision, end))) return { ...currentStatus(source), converged: false }
  const followed = await source.followUps(AbortSignal.any([end, AbortSignal.timeout(FOLLOW_UPS_MS)]))
  if (!(await arrives(source, followed, end))) return { ...currentStatus(source), converged: false }
  const goals = new Map(source.hosts().map((host) => [host.id, source.target(host.id)]))
  const view = () => {
    const now = currentStatus(source)
    const hosts = now.hosts.map((host) => againstGoal(host, goals.get(host.id)))
    return { ...now, hosts, converged: !source.onHold() && hosts.every((host) => host.converged || !host.alive) }
  }
  return await new Promise((resolve) => {
    const finish = () => {
      stop()
      end.removeEventListener('abort', finish)
      resolve(view())
    }
    const look = () => {
      if (view().converged) finish()
    }
    const stop = source.board.onChange(look)
    end.addEventListener('abort', finish, { once: true })
    if (end.aborted) finish()
    else look()
  })
}

/** False when the end came before the revision. */
async function arrives(source: StatusSource, revision: number, end: AbortSignal): Promise<boolean> {
  while (!end.aborted) {
    try {
      await source.targetsAt(revision, end)
      return true
    } catch (thrown) {
      // The store's own patience is shorter than the client's.
      if (!end.aborted && WeftError.from(thrown).code !== 'deadline') throw thrown
    }
  }
  return false
}

/** A host that joined since has no goal and is not waited for. */
function againstGoal(host: HostStatus, goal: Position | undefined): HostStatus {
  if (!host.alive || host.converged) return host
  if (goal === undefined) return { ...host, converged: true }
  const { accepted, applied, problems } = host
  if (accepted === undefined || applied === undefined) return host
  return { ...host, converged: hasReached({ accepted, applied, problems }, goal) }
}
