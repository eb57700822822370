/**
 * The controller put together: store and bus in, API and intents out. What it starts it ends, in the opposite order.
 * Every controller serves; one of them leads, which means that it pushes intents and sweeps.
 */
import {
  AGENT_SUBJECTS,
  AGENT_VERBS,
  type Clock,
  CONTROLLER_QUEUE,
  parseAgentSubject,
  parseJsonWith,
  type RandomText,
  WeftError,
} from '@weft/shared'
import { createAgentHandlers, noteStatus } from './agent-handlers.ts'
import { createAgentDoor } from './agent-requests.ts'
import { createHandlers } from './api/handlers.ts'
import { type Api, createApi } from './api/server.ts'
import { type Bus, errorReply } from './bus/index.ts'
import {
  affectedHosts,
  type ClusterChange,
  compileHost,
  type DomainDeps,
  ensureMeta,
  newSweepMemory,
  openClusterCache,
  sweep,
} from './domain/index.ts'
import { keys } from './domain/pure/keys.ts'
import { every } from './every.ts'
import { Board } from './intents/board.ts'
import { type IntentSource, Publisher } from './intents/publisher.ts'
import { Snapshots } from './intents/snapshots.ts'
import { Targets } from './intents/targets.ts'
import { type Leader, stand } from './leadership.ts'
import type { Log } from './log.ts'
import type { Kv } from './store/kv.ts'

export interface ControlOptions {
  readonly kv: Kv
  readonly clock: Clock
  readonly randomText: RandomText
  readonly quarantineMs: number
  readonly secret: string
  readonly version: string
  readonly log: Log
  /** What an admin should know whatever he asks ("NATS server 2.9.10 lacks …"). */
  readonly warnings: () => readonly string[]
}

export interface Control {
  readonly api: Api
  /** Serves agents over the bus, and pushes over it from now on. */
  attach(bus: Bus): void
  /** What was pushed while the bus was away is lost: tells everyone where he should stand. */
  afterReconnect(): void
  /** Ends with an error when the controller cannot go on; never otherwise before `stop`. */
  readonly ended: Promise<WeftError | undefined>
  /** Steps down, lets requests finish, ends what was started. The store and the bus stay open. */
  stop(): Promise<void>
}

const COALESCE_MS = 3
const POKE_EVERY_MS = 10_000
const SWEEP_EVERY_MS = 1_000
const MOST_AGENT_REQUESTS = 4_096
const STOP_GRACE_MS = 3_000

/** Resolves when the first list of the cluster is complete and the leader is being chosen. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { kv, log, clock } = options
  const life = new AbortController()
  const { randomText, quarantineMs } = options
  const cluster = await openClusterCache(kv, life.signal, {
    onProblem: ({ what, ...fields }) => log.error({ problem: what, ...fields }, 'store problem'),
  })
  const deps: DomainDeps = { kv, cluster, clock, randomText, quarantineMs }
  await ensureMeta(deps)
  await cluster.newest()

  const targets = new Targets()
  const board = new Board({ monotonicMs: () => clock.monotonicMs() })
  const buses: Bus[] = []
  let leader: Leader | undefined
  const publisher = new Publisher<ClusterChange>({
    source: sourceOf(deps),
    targets,
    board,
    bus: { publish: (subject, text) => buses.at(-1)?.publish(subject, text) },
    isLeader: () => leader?.leads() === true,
    log,
    coalesceMs: COALESCE_MS,
    after: (ms, run) => void setTimeout(run, ms),
  })
  const ended = new Promise<WeftError | undefined>((resolve) => {
    publisher
      .run(life.signal, () => log.debug({ hosts: targets.hosts().length }, 'intents compiled'))
      .then(
        () => resolve(undefined),
        (error: unknown) => resolve(WeftError.from(error, 'intents cannot be compiled')),
      )
  })

  leader = stand(kv, {
    key: keys.leader,
    id: options.randomText(12),
    log,
    elected: () => publisher.pokeAll(),
  })
  const leads = () => leader?.leads() === true
  const timers = [
    every(POKE_EVERY_MS, async () => publisher.pokeAll(), log),
    every(SWEEP_EVERY_MS, sweepWhile(deps, leads, log), log),
  ]

  const agentHandlers = createAgentHandlers({
    deps,
    targets,
    board,
    snapshots: new Snapshots(targets),
    ensure: (host) => publisher.ensure(host),
  })
  const agent = createAgentDoor({ handlers: agentHandlers, log, mostUnderWay: MOST_AGENT_REQUESTS })
  const api = createApi({
    handlers: createHandlers({
      deps,
      version: options.version,
      status: statusSource(deps, board, targets, publisher, options),
    }),
    agent,
    secret: options.secret,
    log,
  })

  return {
    api,
    ended,
    attach(bus) {
      buses.push(bus)
      bus.serve(AGENT_SUBJECTS, answerAgents(agent), { queue: CONTROLLER_QUEUE })
      // Every controller keeps the board, so each hears every report beside the one who answers it.
      bus.serve('weft.v1.ctl.*.status', listenToStatus({ deps, targets, board }))
      publisher.pokeAll()
    },
    afterReconnect: () => publisher.pokeAll(),
    async stop() {
      for (const timer of timers) timer.stop()
      await leader?.resign()
      await api.close(STOP_GRACE_MS)
      await Promise.all(timers.map((timer) => timer.idle()))
      life.abort()
      await ended
    },
  }
}

function sourceOf(deps: DomainDeps): IntentSource<ClusterChange> {
  const view = () => deps.cluster.current()
  return {
    revision: () => view().revision,
    cluster: () => view().cluster ?? '',
    incarnation: () => view().incarnation,
    hosts: () => [...view().hosts.values()].map(({ value }) => ({ id: value.id, epoch: value.epoch })),
    compile: (host) => compileHost(view(), host),
    affected: (change) => affectedHosts(view(), change),
    changes: (signal) => deps.cluster.changes(signal),
    waitFor: (revision, signal) => deps.cluster.waitFor(revision, signal),
  }
}

/** Sweeps while this controller leads; what it remembers is from one term only. */
function sweepWhile(deps: DomainDeps, leads: () => boolean, log: Log): () => Promise<void> {
  let memory = newSweepMemory()
  return async () => {
    if (!leads()) {
      memory = newSweepMemory()
      return
    }
    const { freed, leaked } = await sweep(deps, memory)
    if (freed > 0) log.debug({ freed }, 'quarantines ended')
    if (leaked.length > 0) log.warn({ endpoints: leaked }, 'endpoints taken back that their hosts do not know')
  }
}

function statusSource(
  deps: DomainDeps,
  board: Board,
  targets: Targets,
  publisher: Publisher<ClusterChange>,
  options: ControlOptions,
) {
  return {
    board,
    hosts: () => {
      const { hosts, alive } = deps.cluster.current()
      const isAlive = ({ id, epoch }: { id: string; epoch: number }) => alive.get(id)?.value.epoch === epoch
      return [...hosts.values()].map(({ value }) => ({ id: value.id, epoch: value.epoch, alive: isAlive(value) }))
    },
    target: (host: string) => targets.position(host),
    targetsAt: (revision: number, signal: AbortSignal) => publisher.targetsAt(revision, signal),
    summary: () => {
      const view = deps.cluster.current()
      const damaged = [...view.damaged].map(([key, why]) => `record ${key} cannot be read: ${why}`)
      return {
        cluster: view.cluster ?? '',
        incarnation: view.incarnation,
        revision: view.revision,
        networks: view.networks.size,
        endpoints: view.endpoints.size,
        warnings: [...options.warnings(), ...damaged],
      }
    },
  }
}

function answerAgents(agent: (host: string, verb: string, body: string) => Promise<string>) {
  return async ({ subject, text }: { subject: string; text: string }) => {
    const address = parseAgentSubject(subject)
    if (address !== undefined) return await agent(address.host, address.verb, text)
    return errorReply(
      new WeftError('invalid', { what: 'bad subject', on: subject.slice(0, 200), why: 'host and verb' }),
    )
  }
}

function listenToStatus(board: Parameters<typeof noteStatus>[0]) {
  return ({ subject, text }: { subject: string; text: string }): undefined => {
    const host = parseAgentSubject(subject)?.host
    if (host === undefined) return
    try {
      noteStatus(board, host, parseJsonWith(AGENT_VERBS.status.request, text, `status of ${host}`))
    } catch (error) {
      // Whoever sent it is told by the controller that answers the request; a listener has nobody to tell.
      if (WeftError.from(error).code !== 'invalid') throw error
    }
  }
}
