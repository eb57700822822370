/**
 * Follows Docker: connects, hears its events, learns the names of endpoints, compares records with containers, and starts
 * what Docker gave up on while the agent was away or could not wire it. Nothing of it is in the path of a plugin call.
 *
 * Invariant: an event is a hint. What is done follows from lists and inspections; after each (re)connection everything is
 * compared anew (DOCKER.md 3: the stream replays nothing for sure).
 */
import { type HostProblem, WeftError } from '@weft/shared'
import { pause } from '../bus/nats-link.ts'
import type { Log } from '../log.ts'
import { type AgentState, type LocalRecord, withRecord, withReleased } from '../state/records.ts'
import type { StateStore } from '../state/store.ts'
import { adoptEndpoints, ownEndpoints } from './adopt.ts'
import { compareWithDocker } from './compare.ts'
import type { DockerContainer, Engine, InspectedContainer } from './engine.ts'
import { readEvent } from './events.ts'
import { startGivenUp } from './given-up.ts'
import { detached } from './ipam-driver.ts'

export interface DockerWatchOptions {
  readonly host: string
  readonly engine: Engine
  readonly store: StateStore
  readonly log: Log
  readonly now: () => number
  readonly newRequestId: () => string
  /** The network objects are to be looked at again. */
  readonly onNetworks: () => void
  readonly onChanged: (uid: string) => void
  readonly onReleased: () => void
  /** Records changed in a way that the kernel should follow. */
  readonly onRecords: (reason: string) => void
}

const RETRY_MS = 500
/** Docker may be away for its own restart; only then is it a problem. */
const PATIENCE_MS = 15_000
const DEBOUNCE_MS = 50
/** Within that the others have started that a refused container stood beside. */
const GIVEN_UP_MS = 1_000
/** A comparison happens at least this often, for what has an age limit. */
const EVERY_MS = 30_000

export class DockerWatch {
  readonly #options: DockerWatchOptions
  /** Containers that are being asked for; true when there is more to learn since. */
  readonly #learning = new Map<string, boolean>()
  #up = false
  #version: string | undefined
  #downSince: number | undefined
  #why = ''
  #comparing = false
  #again = false
  #timer: NodeJS.Timeout | undefined
  #startTimer: NodeJS.Timeout | undefined

  constructor(options: DockerWatchOptions) {
    this.#options = options
  }

  get up(): boolean {
    return this.#up
  }

  get version(): string | undefined {
    return this.#version
  }

  get problems(): readonly HostProblem[] {
    const { now } = this.#options
    if (this.#downSince === undefined || now() - this.#downSince < PATIENCE_MS) return []
    const remedy = 'see systemctl status docker on this host'
    return [{ code: 'unavailable', message: `Docker does not answer: ${this.#why}`.slice(0, 2000), remedy }]
  }

  /** An intent came: if the records of endpoints were lost, they can be made anew. */
  intentCame(): void {
    const { store, host } = this.#options
    if (store.current.endpointsKnown) return
    if (ownEndpoints(store.current.entries, host).length > 0) this.#compareSoon(0)
    else store.change((state) => ({ ...state, endpointsKnown: true }))
  }

  /** What kept containers from being wired is so no more. */
  mended(): void {
    if (this.#up) this.#startGivenUp()
  }

  /** A start was refused that succeeds once the others have started that stood beside it. */
  startGivenUpSoon(): void {
    clearTimeout(this.#startTimer)
    this.#startTimer = setTimeout(() => this.mended(), GIVEN_UP_MS)
    this.#startTimer.unref()
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, now } = this.#options
    this.#downSince = now()
    let since: number | undefined
    while (!signal.aborted) {
      try {
        await this.#connect()
        since = await this.#follow(since, signal)
      } catch (thrown) {
        const { message } = WeftError.from(thrown)
        if (signal.aborted) break
        if (this.#up) log.warn({ error: message }, 'Docker gone')
        else log.debug({ error: message }, 'Docker does not answer')
        this.#why = message
      }
      if (this.#up) this.#downSince = now()
      this.#up = false
      clearTimeout(this.#timer)
      await pause(RETRY_MS, signal)
    }
  }

  async #connect(): Promise<void> {
    const { engine, store, log } = this.#options
    this.#version = await engine.version()
    const { DockerRootDir: root, Driver: driver } = await engine.info()
    store.change((state) =>
      state.docker?.root === root && state.docker.driver === driver ? state : { ...state, docker: { root, driver } },
    )
    this.#up = true
    this.#downSince = undefined
    log.info({ version: this.#version, root, driver }, 'Docker answers')
  }

  /** Hears events until the stream ends; gives back the time of the last one. */
  async #follow(since: number | undefined, signal: AbortSignal): Promise<number | undefined> {
    const { engine, store, onNetworks } = this.#options
    const stream = engine.events(since, signal)
    onNetworks()
    this.#compareSoon(0)
    this.#startGivenUp()
    let last = since
    for await (const value of stream) {
      const { happening, time } = readEvent(value, (id) => Object.hasOwn(store.current.dockerNetworks, id))
      last = time ?? last
      if (happening?.kind === 'networks') onNetworks()
      else if (happening?.kind === 'left') this.#compareSoon(DEBOUNCE_MS)
      else if (happening?.kind === 'named') void this.#learn(happening.container)
    }
    return last
  }

  /** Asks for the names of a container's endpoints. Waits, in Docker, until the container has started. */
  async #learn(container: string): Promise<void> {
    const { engine, store, log, onChanged, onRecords } = this.#options
    if (this.#learning.has(container)) {
      this.#learning.set(container, true)
      return
    }
    this.#learning.set(container, false)
    try {
      const found = await engine.container(container)
      if (found === undefined) return
      let follows = false
      for (const record of store.current.endpoints.values()) {
        const next = namedBy(record, found)
        if (next === record) continue
        store.change((state) => withRecord(state, next))
        onChanged(record.uid)
        follows ||= concernsKernel(record, next)
      }
      store.keep()
      if (follows) onRecords('names')
    } catch (error) {
      log.warn({ container: container.slice(0, 12), error: WeftError.from(error).message }, 'names not learned')
    } finally {
      const isOld = this.#learning.get(container) === true
      this.#learning.delete(container)
      if (isOld) void this.#learn(container)
    }
  }

  #startGivenUp(): void {
    const { engine, log } = this.#options
    startGivenUp(engine, log).catch((error: unknown) =>
      log.warn({ error: WeftError.from(error).message }, 'containers not looked through'),
    )
  }

  #compareSoon(ms: number): void {
    if (this.#comparing) {
      this.#again = true
      return
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#compare(), ms)
  }

  async #compare(): Promise<void> {
    const { log } = this.#options
    this.#comparing = true
    this.#again = false
    try {
      await this.#compareOnce()
    } catch (error) {
      log.warn({ error: WeftError.from(error).message }, 'not compared with Docker')
    }
    this.#comparing = false
    if (this.#up) this.#compareSoon(this.#again ? DEBOUNCE_MS : this.#hasYoung() ? 2_000 : EVERY_MS)
  }

  /** A stopped container of unknown name waits for its end. */
  #hasYoung(): boolean {
    return [...this.#options.store.current.endpoints.values()].some(
      ({ phase, containerId }) => phase === 'detached' && containerId === undefined,
    )
  }

  async #compareOnce(): Promise<void> {
    const { engine, store, now, newRequestId, log, onChanged, onReleased, onRecords } = this.#options
    if (!store.current.endpointsKnown && !(await this.#adopt())) return
    const before = store.current
    const { release, detach, learn } = compareWithDocker(before, await engine.containers(), now())
    for (const container of new Set(learn.values())) await this.#learn(container)
    if (release.length > 0 || detach.length > 0) {
      store.change((state) => {
        // A driver call may have taken it up meanwhile: then the next comparison decides.
        const isSame = (uid: string) => state.endpoints.get(uid) === before.endpoints.get(uid)
        const released = withReleased(state, release.filter(isSame), newRequestId())
        return detachAll(released, detach.filter(isSame), now())
      })
      await store.durable()
      log.info({ released: release.length, detached: detach.length }, 'compared with Docker')
      for (const uid of detach) onChanged(uid)
      onReleased()
      onRecords('compared with Docker')
    }
  }

  /** After the state file was lost. False while there is no intent to start from. */
  async #adopt(): Promise<boolean> {
    const { engine, store, host, now, newRequestId, log, onRecords } = this.#options
    if (store.current.position === null) return false
    const containers = await this.#inspectAll(await engine.containers())
    const { records, orphans } = adoptEndpoints(store.current.entries, host, containers, now())
    store.change((state) => {
      const endpoints = new Map([...records.map((record) => [record.uid, record] as const), ...state.endpoints])
      const lost = orphans.filter((uid) => !endpoints.has(uid))
      const releases =
        lost.length === 0 ? state.releases : [...state.releases, { req: newRequestId(), endpoints: lost }]
      return { ...state, endpoints, releases, endpointsKnown: true }
    })
    await store.durable()
    log.info({ adopted: records.length, orphans: orphans.length }, 'endpoints taken over from Docker')
    onRecords('endpoints adopted')
    return true
  }

  async #inspectAll(containers: readonly DockerContainer[]): Promise<InspectedContainer[]> {
    const found: InspectedContainer[] = []
    for (const { Id } of containers) {
      const container = await this.#options.engine.container(Id)
      if (container !== undefined) found.push(container)
    }
    return found
  }
}

/** The record with what the container says of it; the very same object when that is nothing new. */
export function namedBy<R extends AgentState['endpoints'] extends ReadonlyMap<string, infer T> ? T : never>(
  record: R,
  { Id, Name, NetworkSettings }: InspectedContainer,
): R {
  if (record.attached?.named === true) return record
  const settings = Object.values(NetworkSettings.Networks ?? {}).find(
    ({ EndpointID }) => EndpointID !== '' && EndpointID === record.dockerEndpointId,
  )
  if (settings === undefined && record.containerId !== Id) return record
  const name = Name.replace(/^\//, '')
  const told = settings?.DNSNames ?? settings?.Aliases ?? record.aliases
  const aliases = [...new Set(told)].filter((alias) => alias !== name).sort()
  const settled = record.settled || settings !== undefined
  const same =
    settled === record.settled &&
    record.name === name &&
    record.containerId === Id &&
    record.aliases.join() === aliases.join()
  return same ? record : { ...record, containerId: Id, name, aliases, settled }
}

/** Aliases are the resolver's alone; that Docker is done matters where the interface was not seen to have arrived. */
function concernsKernel(before: LocalRecord, after: LocalRecord): boolean {
  if (before.name !== after.name) return true
  return before.settled !== after.settled && (before.phase !== 'sandbox' || before.ifname !== undefined)
}

function detachAll(state: AgentState, uids: readonly string[], now: number): AgentState {
  return uids.reduce((changed, uid) => {
    const record = changed.endpoints.get(uid)
    return record === undefined ? changed : withRecord(changed, detached(record, now))
  }, state)
}
