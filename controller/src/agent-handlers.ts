/** What each verb of an agent does: the domain's use cases, with the intents and the board beside them. */
import type { AgentRequest } from '@weft/shared'
import type { AgentHandlers } from './agent-requests.ts'
import {
  bindEndpoint,
  claimAddress,
  type DomainDeps,
  joinHost,
  recordFacts,
  refreshAlive,
  releaseEndpoints,
  reportEndpoints,
  requireFence,
} from './domain/index.ts'
import type { Board } from './intents/board.ts'
import type { Snapshots } from './intents/snapshots.ts'
import type { Targets } from './intents/targets.ts'

export interface AgentHandlerOptions {
  readonly deps: DomainDeps
  readonly targets: Targets
  readonly snapshots: Snapshots
  readonly board: Board
  /** Compiles a host's intent now. */
  readonly ensure: (host: string) => void
}

export function createAgentHandlers(options: AgentHandlerOptions): AgentHandlers {
  const { deps, targets, snapshots, ensure } = options
  /** A host that joined through another controller may be unknown here for a moment. */
  const known = async (host: string) => {
    if (targets.get(host) !== undefined) return
    await deps.cluster.newest()
    ensure(host)
  }
  return {
    join: async (host, request) => {
      const reply = await joinHost(deps, host, request)
      await known(host)
      return reply
    },
    status: async (host, request) => {
      await refreshAlive(deps, host, request)
      if (request.facts !== undefined) await recordFacts(deps, host, request, request.facts)
      await known(host)
      noteStatus(options, host, request)
      return { target: targets.position(host) }
    },
    resync: async (host, request) => {
      await requireFence(deps, host, request)
      await known(host)
      const page = snapshots.page(host, request.offset, request.revision)
      const { cluster = '', removalsAllowed } = deps.cluster.current()
      // One marked page marks the snapshot.
      const massDelete = request.offset === 0 && removalsAllowed.has(host)
      return { cluster, host, epoch: request.epoch, massDelete, ...page }
    },
    claim: (host, request) => claimAddress(deps, host, request),
    bind: (host, request) => bindEndpoint(deps, host, request),
    report: (host, request) => reportEndpoints(deps, host, request),
    release: (host, request) => releaseEndpoints(deps, host, request),
  }
}

/** Takes a host's report to the board; one of an agent that is not the host's any more changes nothing. */
export function noteStatus(
  { deps, targets, board }: Pick<AgentHandlerOptions, 'deps' | 'targets' | 'board'>,
  host: string,
  report: AgentRequest<'status'>,
): void {
  const view = deps.cluster.current()
  const record = view.hosts.get(host)?.value
  if (record === undefined || report.epoch < record.epoch) return
  if (report.epoch === record.epoch && report.instance !== record.instance) return
  targets.adopt(host, report.accepted, view.revision)
  board.record(host, report)
}
