/**
 * The agent put together. The order of starting: the state file, so that Docker's calls can be answered; the kernel; the
 * plugin socket, for which Docker may be waiting; then everything that needs somebody else.
 *
 * Over 300 lines: every part is made here and nowhere else, and each knows the others by what it is given here.
 */

import type { Server } from 'node:http'
import path from 'node:path'
import { FABRIC_NETNS, type WeftError } from '@weft/shared'
import { Attachments } from './attach/attachments.ts'
import { createController } from './bus/controller.ts'
import { createHttpLink } from './bus/http-link.ts'
import { NatsLink } from './bus/nats-link.ts'
import { Session } from './bus/session.ts'
import { Carrying } from './carrying.ts'
import type { Config } from './config.ts'
import { NamesWriter } from './dns/names-writer.ts'
import { createConnector } from './docker/connect.ts'
import { ContainersOnDisk } from './docker/containers-on-disk.ts'
import { Engine } from './docker/engine.ts'
import { createIpamDriver } from './docker/ipam-driver.ts'
import { createNetworkDriver } from './docker/network-driver.ts'
import { NetworkKeeper } from './docker/network-keeper.ts'
import { createPluginServer, hasInheritedSocket, listenForDocker } from './docker/plugin-server.ts'
import { createTakeOver } from './docker/take-over.ts'
import { DockerWatch } from './docker/watch.ts'
import { createDoctor } from './doctor/doctor.ts'
import { GuardsAhead } from './guards-ahead.ts'
import { createHostDoor } from './host-calls.ts'
import { describeHost, rememberUntilRung } from './host-facts.ts'
import { createLinuxKernel, type HostWays, isNetns, readHostWays, whoAnswers } from './kernel/index.ts'
import { openNamespaceFinder } from './kernel/namespace-finder.ts'
import type { Log } from './log.ts'
import { Loop } from './loop.ts'
import { Outbox } from './outbox.ts'
import { claimsOf } from './plan/index.ts'
import { createPortWatch } from './ports/port-watch.ts'
import { createListenersAt, createPortsHandler, refuseTaken } from './ports/taken-ports.ts'
import { Progress } from './progress.ts'
import { createReconcile } from './reconcile.ts'
import { localEndpoints } from './state/local-endpoints.ts'
import { withReleased } from './state/records.ts'
import { StateStore } from './state/store.ts'
import { yieldingEndpoints } from './state/yields.ts'
import type { Supervisor } from './supervisor.ts'
import { createTracer } from './trace/tracer.ts'
import { oncePerWish } from './wishes.ts'

export interface AgentOptions extends Config {
  readonly secret: string
  /** CA of controllers and NATS, PEM text; the system's when undefined. */
  readonly ca: string | undefined
  readonly hostname: string
  readonly kernelRelease: string
  /** Of this run of the machine. */
  readonly bootId: string
  readonly version: string
  /** 8 to 40 of 0-9 a-z. */
  readonly newId: () => string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly supervisor: Supervisor
}

export interface Agent {
  /** Resolves with the reason when the agent cannot go on, and must be started anew. */
  readonly ended: Promise<WeftError>
  /** Ends the agent; kernel, Docker and containers stay as they are. */
  stop(): Promise<void>
}

const PASS_EVERY_MS = 30_000
const HEARTBEAT_MS = 10_000
/** The doorbell is not trusted for longer. */
const WAYS_MS = 10_000
const PLUGIN_DEADLINE_MS = 9_000
/** With what a claim may take, 6 s, it stays under the deadline of plugin calls. */
const JOIN_WAIT_MS = 2_900
const KEEPER_RETRY_MS = 2_000
const LOOK_AT_PORTS_EVERY_MS = 3_000
const TELL_ALL_EVERY_MS = 300_000

export async function startAgent(options: AgentOptions, log: Log): Promise<Agent> {
  const { id: host, newId, supervisor } = options
  const now = Date.now
  const stop = new AbortController()
  const store = StateStore.open({ file: path.join(options.data, 'agent-state'), log, newInstance: newId })
  const names = new NamesWriter({ file: path.join(options.data, 'names.json'), host, state: () => store.current, log })
  store.onChange(() => names.changed())
  names.changed()
  const kernel = await createLinuxKernel({ fabricNetns: FABRIC_NETNS, fabric: options.fabric, log })
  const finder = await openNamespaceFinder(FABRIC_NETNS)
  const describe = (ways: HostWays) =>
    describeHost({
      hostname: options.hostname,
      kernel: options.kernelRelease,
      agentVersion: options.version,
      dockerVersion: watch.version,
      ...ways,
      underlay: options.underlay,
      vtep: options.vtep,
    })
  const ways = rememberUntilRung({ read: readHostWays, nowMs: () => performance.now(), mostMs: WAYS_MS })
  const facts = () => describe(readHostWays())

  const carrying: Carrying = new Carrying({
    host,
    entries: () => store.current.entries,
    log,
    monotonicMs: () => performance.now(),
    whoAnswers,
    onChange: () => {
      loop.trigger('carrying')
      session.changed(true)
    },
  })
  const { pass, wire, between } = createReconcile({
    host,
    kernel,
    store,
    log,
    facts: () => describe(ways.get()),
    now,
    carryMode: () => carrying.mode,
    listenersAt: createListenersAt(),
    onEgress: (uid) => outbox.changed(uid),
  })
  const guardsAhead = new GuardsAhead({
    hostId: host,
    store,
    kernel,
    between,
    isThere: isNetns,
    nowMs: () => performance.now(),
    log,
  })
  const loop = new Loop({
    pass,
    log,
    everyMs: Math.min(PASS_EVERY_MS, supervisor.everyMs ?? PASS_EVERY_MS),
    onResult: (result) => {
      supervisor.passed()
      if (progress.passed(result)) watch.mended()
      progress.tellIfNew()
    },
  })

  const nats = new NatsLink({
    servers: options.nats,
    host,
    secret: options.secret,
    ca: options.ca,
    log,
    onIntent: (text) => session.takeIntent(text),
    onPoke: (text) => session.takePoke(text),
    onCall: (verb, text) => door(verb, text),
    onConnected: () => session.changed(),
  })
  const controller = createController({
    nats: (verb, text, timeoutMs) => nats.request(verb, text, timeoutMs),
    http: createHttpLink({ controllers: options.controllers, host, secret: options.secret, ca: options.ca }),
    log,
  })
  const progress = new Progress({
    store,
    networksApplied: () => keeper.applied,
    others: () => [keeper, watch, session, outbox, names].flatMap(({ problems }) => problems),
    tell: (isThere) => session.changed(isThere),
  })
  const session: Session = new Session({
    host,
    controller,
    store,
    log,
    facts: () => describe(ways.get()),
    heartbeatMs: HEARTBEAT_MS,
    progress: () => progress,
    onIntent: ({ previous, own }) => {
      watch.intentCame()
      giveBack()
      // A claim's echo: desired does not depend on it, and a pass would only stand in the way of the endpoint's own.
      const level = progress.accepted(previous) && own
      // Nobody acts on it before it is on disk.
      store.durable().then(
        () => {
          const written = store.written.position?.revision
          if (level && written !== undefined) progress.appliedAsItIs(written)
          else loop.trigger('intent')
          keeper.trigger()
        },
        // The failure is a problem of the host, to be told.
        () => progress.tellIfNew(),
      )
    },
    onJoined: () => {
      outbox.tellAll()
      giveBack()
    },
    onConfirmed: () => carrying.confirmed(),
  })
  const giveBack = () => {
    if (yieldingEndpoints(store.current).length === 0) return
    store.change((state) => withReleased(state, yieldingEndpoints(state), newId()))
    outbox.released()
  }
  const endpointChanged = (uid: string) => {
    outbox.changed(uid)
    giveBack()
  }

  const fence = () => session.fence()
  const fenceSoon = () => session.ready(JOIN_WAIT_MS)
  const outbox = new Outbox({ store, controller, fence, loop, log, onProblems: () => progress.tellIfNew() })
  const engine = new Engine(options.dockerSocket)
  const doctor = createDoctor({
    host,
    store,
    engine,
    loop,
    log,
    facts,
    now,
    pluginSocket: options.pluginSocket,
    dataFolder: options.data,
  })
  const tracer = createTracer({ store })
  const connecting = new Set<string>()
  const connector = createConnector({ host, engine, store, connecting })
  const takeOver = createTakeOver({
    host,
    engine,
    store,
    connecting,
    lookAgain: () => keeper.lookAgain(),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  })
  const attachments = new Attachments({
    store,
    engine,
    controller,
    fence: fenceSoon,
    kernel,
    finder,
    loop,
    boot: options.bootId,
    newRequestId: newId,
    now,
    log,
    onChanged: (uid) => outbox.changed(uid),
    onReleased: () => outbox.released(),
  })
  const door = createHostDoor({
    handlers: {
      doctor,
      ports: createPortsHandler({ engine, store }),
      reach: {
        answer: async ({ addresses, withinMs }) => {
          carrying.asked()
          return { answered: addresses.length === 0 ? [] : await whoAnswers(addresses, withinMs) }
        },
      },
      'trace-end': { answer: tracer.end },
      'trace-try': { answer: tracer.attempt },
      'container-find': { answer: connector.find },
      'network-connect': { answer: connector.connect },
      'docker-network': { answer: takeOver.find },
      'take-over': { answer: takeOver.takeOver },
      'network-disconnect': { answer: connector.disconnect },
      attach: { answer: oncePerWish((request) => attachments.attach(request)) },
      detach: { answer: oncePerWish((request) => attachments.detach(request)) },
    },
    instance: () => store.current.instance,
    log,
  })
  const keeper: NetworkKeeper = new NetworkKeeper({
    engine,
    store,
    log,
    isUp: () => watch.up,
    onChanged: () => progress.tellIfNew(),
    retryMs: KEEPER_RETRY_MS,
  })
  const watch: DockerWatch = new DockerWatch({
    host,
    engine,
    store,
    log,
    now,
    newRequestId: newId,
    onNetworks: () => keeper.lookAgain(),
    onChanged: (uid) => endpointChanged(uid),
    onReleased: () => outbox.released(),
    onRecords: (reason) => loop.trigger(reason),
  })

  const containers = new ContainersOnDisk()
  const server = createPluginServer({
    log,
    deadlineMs: PLUGIN_DEADLINE_MS,
    handlers: {
      'Plugin.Activate': () => ({ Implements: ['NetworkDriver', 'IpamDriver'] }),
      ...createIpamDriver({
        store,
        controller,
        containers,
        connecting,
        onUndecided: () => watch.startGivenUpSoon(),
        fence: fenceSoon,
        creating: keeper.creating,
        newRequestId: newId,
        now,
        onReleased: () => outbox.released(),
      }),
      ...createNetworkDriver({
        store,
        controller,
        containers,
        fence: fenceSoon,
        loop,
        wire,
        kernel,
        refuseTaken: (ports, uid) => refuseTaken(store.current, ports, uid),
        newRequestId: newId,
        now,
        onChanged: (uid) => endpointChanged(uid),
        onJoined: (uid) => guardsAhead.expect(uid),
      }),
    },
  })
  await listenForDocker(server, options.pluginSocket, hasInheritedSocket(options.env, options.pid))
  supervisor.serves()

  const lookAtPorts = createPortWatch({
    claims: () => {
      const { entries, endpoints } = store.written
      return claimsOf({ entries, endpoints: localEndpoints(endpoints, entries), hostId: host })
    },
    listenersAt: createListenersAt(),
    onChanged: () => loop.trigger('listeners'),
  })
  const ports = setInterval(() => {
    lookAtPorts().catch((error: unknown) => log.warn({ error: String(error) }, 'listeners cannot be read'))
  }, LOOK_AT_PORTS_EVERY_MS)
  const tellAll = setInterval(() => outbox.tellAll(), TELL_ALL_EVERY_MS)
  const background = Promise.all([
    nats.run(stop.signal),
    session.run(stop.signal),
    watch.run(stop.signal),
    carrying.run(stop.signal),
    ringLoop(kernel.changes(stop.signal), () => {
      ways.rung()
      loop.trigger('kernel')
    }),
  ])
  attachments.start()
  loop.trigger('start')

  return {
    ended: kernel.lost,
    async stop() {
      supervisor.stops()
      stop.abort()
      clearInterval(tellAll)
      clearInterval(ports)
      outbox.stop()
      keeper.stop()
      attachments.stop()
      guardsAhead.stop()
      names.stop()
      await closeServer(server)
      await loop.stop()
      // A failure has been logged by the store, and there is no one left to tell.
      await store.durable().catch(() => undefined)
      await Promise.race([background, new Promise((resolve) => setTimeout(resolve, 1_000).unref())])
      kernel.close()
      finder.close()
    },
  }
}

async function ringLoop(rings: AsyncIterable<void>, onRing: () => void): Promise<void> {
  for await (const _ of rings) onRing()
}

/** Calls under way are finished; connections that Docker keeps open are closed. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), 2_000).unref()
  })
}
