/**
 * What the controller is to hear of this host's endpoints: reports of those that changed, all of them after a join, and
 * releases, which stay in the state file until they are answered. Nothing here is lost by a failure; it is told later.
 */
import { type HostProblem, WeftError } from '@weft/shared'
import type { Controller } from './bus/controller.ts'
import type { Fence } from './bus/session.ts'
import type { Log } from './log.ts'
import type { Loop } from './loop.ts'
import { reportOf } from './state/local-endpoints.ts'
import { isWired } from './state/records.ts'
import type { StateStore } from './state/store.ts'

export interface OutboxOptions {
  readonly store: StateStore
  readonly controller: Controller
  /** @throws while the host has not joined */
  readonly fence: () => Fence
  readonly loop: Pick<Loop, 'run'>
  readonly log: Log
  readonly onProblems: () => void
}

const ASK_MS = 5_000
const DEBOUNCE_MS = 20
const RETRY_MS = 1_000
/** Endpoints in one release; the protocol's limit. */
const BATCH = 500

export class Outbox {
  readonly #options: OutboxOptions
  readonly #changed = new Set<string>()
  #complete = false
  #timer: NodeJS.Timeout | undefined
  #sending = false
  #stopped = false
  #problems: readonly HostProblem[] = []
  /** A pass that began after the last release was put into the state. */
  #passed: Promise<unknown> | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Endpoints that are wired here and of which the controller knows nothing. */
  get problems(): readonly HostProblem[] {
    return this.#problems
  }

  changed(uid: string): void {
    this.#changed.add(uid)
    this.#soon(DEBOUNCE_MS)
  }

  /** Tell of all endpoints: what the controller has beyond these may be swept. */
  tellAll(): void {
    this.#complete = true
    this.#soon(DEBOUNCE_MS)
  }

  /** Releases were put into the state: one pass serves whoever asks for it now and the release. */
  released(): void {
    if (this.#options.store.current.releases.length === 0) return
    this.#passed = this.#options.loop.run('release')
    this.#soon(DEBOUNCE_MS)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #soon(ms: number): void {
    if (this.#stopped || this.#sending) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#send(), ms)
  }

  async #send(): Promise<void> {
    this.#sending = true
    let waitMs = DEBOUNCE_MS
    try {
      await this.#report()
      await this.#release()
    } catch (thrown) {
      waitMs = RETRY_MS
      this.#options.log.debug({ error: WeftError.from(thrown).message }, 'controller not told yet')
    }
    this.#sending = false
    if (this.#complete && !this.#options.store.current.endpointsKnown) waitMs = RETRY_MS
    if (this.#complete || this.#changed.size > 0 || this.#options.store.current.releases.length > 0) this.#soon(waitMs)
  }

  async #report(): Promise<void> {
    const { store, controller, fence } = this.#options
    // After the state file was lost, records are read back from Docker first: a list without them would call its endpoints gone.
    const complete = this.#complete && store.current.endpointsKnown
    const uids = complete ? [...store.current.endpoints.keys()] : [...this.#changed]
    const told = [...this.#changed]
    if (!complete && uids.length === 0) return
    // What is claimed but not bound is not an endpoint of Docker yet; a complete report names it all the same.
    const endpoints = uids.flatMap((uid) => {
      const record = store.current.endpoints.get(uid)
      return record === undefined || (record.phase === 'claimed' && !complete)
        ? []
        : [reportOf(record, store.current.entries)]
    })
    this.#changed.clear()
    if (complete) this.#complete = false
    try {
      if (endpoints.length === 0 && !complete) return
      const { unknown } = await controller.ask('report', { ...fence(), complete, endpoints }, ASK_MS)
      await this.#forgetUnknown(unknown, complete)
    } catch (error) {
      for (const uid of told) this.#changed.add(uid)
      this.#complete ||= complete
      throw error
    }
  }

  /** The controller has no record of these: what is not wired is forgotten, what is wired is a human's business. */
  async #forgetUnknown(unknown: readonly string[], complete: boolean): Promise<void> {
    const { store, log, onProblems } = this.#options
    if (unknown.length === 0 && (!complete || this.#problems.length === 0)) return
    const records = unknown.flatMap((uid) => store.current.endpoints.get(uid) ?? [])
    const idle = records.filter((record) => record.phase === 'detached')
    for (const { uid, addresses } of idle)
      log.warn({ endpoint: uid, addresses }, 'address lost: the controller has no record')
    store.change((state) => {
      const endpoints = new Map(state.endpoints)
      for (const { uid } of idle) endpoints.delete(uid)
      return { ...state, endpoints }
    })
    await store.durable()
    this.#problems = records.filter(isWired).map((record) => ({
      code: 'not_found',
      message: `container ${record.name ?? record.uid} has ${record.addresses.join(' and ')}, of which the controller has no record`,
      network: record.network,
      remedy: `restart it on this host: docker restart ${record.name ?? record.containerId ?? ''}`,
    }))
    for (const { message } of this.#problems) log.error({ problem: message }, 'endpoint unknown to the controller')
    onProblems()
  }

  async #release(): Promise<void> {
    const { store, controller, fence, loop, log } = this.#options
    const releases = [...store.current.releases]
    if (releases.length === 0) return
    await store.durable()
    // An address is given back only when nothing answers for it here any more.
    await (this.#passed ?? loop.run('release'))
    const done = new Set(releases)
    const endpoints = releases.flatMap((release) => release.endpoints)
    for (let from = 0; from < endpoints.length; from += BATCH) {
      const req = `${releases[0]?.req ?? ''}.${from}`
      await controller.ask('release', { ...fence(), req, endpoints: endpoints.slice(from, from + BATCH) }, ASK_MS)
    }
    store.change((state) => ({ ...state, releases: state.releases.filter((release) => !done.has(release)) }))
    log.info({ endpoints: endpoints.length }, 'addresses given back')
    await store.durable()
  }
}
