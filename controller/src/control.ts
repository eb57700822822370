/**
 * The controller put together: store and bus in, API and intents out. What it starts it ends, in the opposite order.
 * Every controller serves; one of them leads, which means that it pushes intents and sweeps.
 */
import { type Clock, type RandomText, WeftError } from '@weft/shared'
import { serveAgents } from './agent-bus.ts'
import { createAgentHandlers, noteStatus } from './agent-handlers.ts'
import { createAgentDoor } from './agent-requests.ts'
import { createHandlers } from './api/handlers/index.ts'
import { type Api, createApi } from './api/server.ts'
import { currentStatus } from './api/status.ts'
import { createAskHost } from './ask-host.ts'
import type { Bus } from './bus/index.ts'
import { examine } from './doctor/doctor.ts'
import { type ClusterChange, type DomainDeps, ensureMeta, openClusterCache } from './domain/index.ts'
import { keys } from './domain/pure/keys.ts'
import { every } from './every.ts'
import { keepRouters } from './failover/keep-routers.ts'
import { Board } from './intents/board.ts'
import { Publisher } from './intents/publisher.ts'
import { Snapshots } from './intents/snapshots.ts'
import { Targets } from './intents/targets.ts'
import { type Leader, stand } from './leadership.ts'
import type { Log } from './log.ts'
import { keepShimsInPlace } from './shim-keeper.ts'
import { intentSource, statusSource } from './sources.ts'
import type { EtcdStatus } from './store/etcd-status.ts'
import type { Kv } from './store/kv.ts'
import { sweeper } from './sweeper.ts'
import { trace } from './trace/trace.ts'

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
  readonly etcdStatus: () => Promise<EtcdStatus>
  readonly dataFolder: string
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

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Resolves when the first list of the cluster is complete and the leader is being chosen. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { kv, log, clock } = options
  const life = new AbortController()
  const { randomText, quarantineMs } = options
  const cluster = await openClusterCache(kv, life.signal, {
    onProblem: ({ what, ...fields }) => log.error({ problem: what, ...fields }, 'store problem'),
  })
  const deps: DomainDeps = { kv, cluster, clock, randomText, quarantineMs, pause }
  await ensureMeta(deps)
  await cluster.newest()

  const targets = new Targets()
  const board = new Board({ monotonicMs: () => clock.monotonicMs() })
  const buses: Bus[] = []
  let leader: Leader | undefined
  const publisher = new Publisher<ClusterChange>({
    source: intentSource(cluster),
    targets,
    board,
    bus: { publish: (subject, text) => buses.at(-1)?.publish(subject, text) },
    isLeader: () => leader?.guard() !== undefined,
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
  const timers = [
    every(POKE_EVERY_MS, async () => publisher.pokeAll(), log),
    every(
      SWEEP_EVERY_MS,
      sweeper(deps, () => leader?.guard(), log),
      log,
    ),
    keepShimsInPlace(deps, () => leader?.guard(), log, life.signal),
  ]

  const agentHandlers = createAgentHandlers({
    deps,
    targets,
    board,
    snapshots: new Snapshots(targets),
    ensure: (host) => publisher.ensure(host),
  })
  const agent = createAgentDoor({ handlers: agentHandlers, log, mostUnderWay: MOST_AGENT_REQUESTS })
  const carry = async (subject: string, text: string, timeoutMs: number) => {
    const bus = buses.at(-1)
    if (bus === undefined) throw new WeftError('unavailable', { what: 'no connection to NATS', on: subject })
    return await bus.request(subject, text, timeoutMs)
  }
  const askHost = createAskHost({ view: () => cluster.current(), carry })
  const failover = keepRouters(
    { deps, askHost, leading: () => leader?.guard(), log, accepted: (host) => board.accepted(host) },
    life.signal,
  )
  const status = statusSource(cluster, { board, targets, publisher }, options.warnings)
  const api = createApi({
    handlers: createHandlers({
      deps,
      version: options.version,
      askHost,
      doctor: (call) => examine({ deps, askHost, services: options }, call),
      trace: (call) =>
        trace({ view: () => cluster.current(), askHost, hosts: () => currentStatus(status).hosts }, call),
      status,
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
      serveAgents(bus, agent, (host, report) => noteStatus({ deps, targets, board }, host, report))
      publisher.pokeAll()
    },
    afterReconnect: () => publisher.pokeAll(),
    async stop() {
      for (const timer of timers) timer.stop()
      await leader?.resign()
      await api.close(STOP_GRACE_MS)
      await Promise.all(timers.map((timer) => timer.idle()))
      life.abort()
      await failover
      await ended
    },
  }
}
