/**
 * The agent's standing with the cluster: joining, heartbeat, and the intent that it holds.
 *
 * Invariants
 * - Only the cluster that was joined first is obeyed; only the epoch of the last join is spoken under.
 * - An intent is on disk before anyone acts on it, and never goes back (accept.ts has the rules).
 * - A lost push costs nothing: every reply to a status names the target, and what lacks is pulled.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  canonicalJson,
  type HostFacts,
  type HostProblem,
  IntentDelta,
  Position,
  parseJsonWith,
  WeftError,
} from '@weft/shared'
import type { Log } from '../log.ts'
import type { StateStore } from '../state/store.ts'
import { acceptDelta, acceptSnapshot, type Held, isOwn, mustPull, type Verdict } from './accept.ts'
import type { Controller } from './controller.ts'
import { fetchSnapshot } from './fetch-snapshot.ts'
import { pause } from './nats-link.ts'

export interface SessionOptions {
  readonly host: string
  readonly controller: Controller
  readonly store: StateStore
  readonly log: Log
  /** What the host is now. @throws while it cannot be told */
  readonly facts: () => HostFacts
  /** Where the kernel and Docker are. */
  readonly progress: () => { readonly applied: number; readonly problems: readonly HostProblem[] }
  /** An intent was accepted; `own`: nothing in it differs but this host's own endpoints, which it knows anyway. */
  readonly onIntent: (change: { readonly previous: Position | null; readonly own: boolean }) => void
  /** A controller says now that we have the intent that we should have. */
  readonly onConfirmed: () => void
  /** After each join: everything that the controller should know is to be told again. */
  readonly onJoined: () => void
  readonly heartbeatMs: number
}

export interface Fence {
  readonly epoch: number
  readonly instance: string
}

const ASK_MS = 5_000
/** A status tells of a change soon, and of many changes once. */
const DEBOUNCE_MS = 20
/** What a reply says is missing may be on its way as a push. */
const GRACE_MS = 150
const REJOIN_MS = 1_000
const READY_POLL_MS = 20

export class Session {
  readonly #options: SessionOptions
  readonly #counts = { garbage: 0, refused: 0, resyncs: 0 }
  #joined = false
  #problem: HostProblem | undefined
  #toldFacts = ''
  #pulling: Promise<void> | undefined
  #wake: () => void = () => {}
  #due = false
  #now = false

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** For metrics and tests. */
  get counts(): Readonly<Record<'garbage' | 'refused' | 'resyncs', number>> {
    return this.#counts
  }

  /** What stands between us and the cluster. */
  get problems(): readonly HostProblem[] {
    return this.#problem === undefined ? [] : [this.#problem]
  }

  /** @throws `unavailable` while this host has not joined */
  fence(): Fence {
    const { identity, instance } = this.#options.store.current
    if (this.#joined && identity !== null) return { epoch: identity.epoch, instance }
    const why = this.#problem?.message ?? 'no controller has answered since the agent started'
    throw new WeftError('unavailable', {
      what: 'host has not joined the cluster',
      on: this.#options.host,
      why,
      remedy: 'start a controller, or check --controller and --nats',
    })
  }

  /** The fence, as soon as there is one: right after a start, Docker may ask before the host has joined. @throws as fence */
  async ready(timeoutMs: number): Promise<Fence> {
    const until = performance.now() + timeoutMs
    while (!this.#joined && performance.now() < until) await sleep(READY_POLL_MS)
    return this.fence()
  }

  /** Applied revision or problems changed, or the bus is back: tell it soon, or `now`. */
  changed(now = false): void {
    this.#due = true
    this.#now ||= now
    this.#wake()
  }

  /** Joins and keeps up the heartbeat until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    while (!signal.aborted) {
      try {
        if (!this.#joined) await this.#join()
        this.#due = false
        this.#now = false
        await this.#status()
      } catch (error) {
        this.#failed(WeftError.from(error))
        await pause(REJOIN_MS, signal)
        continue
      }
      await this.#idle(this.#options.heartbeatMs, () => this.#due, signal)
      await this.#idle(DEBOUNCE_MS, () => this.#now, signal)
    }
  }

  /** A push from the controller; whatever it is, nothing is thrown. */
  takeIntent(text: string): void {
    const { identity } = this.#options.store.current
    if (!this.#joined || identity === null) return
    const delta = this.#parse(() => parseJsonWith(IntentDelta, text, 'intent delta'))
    if (delta === undefined) return
    this.#settle(acceptDelta(this.#held(identity), delta), 'intent delta', isOwn(this.#held(identity), delta))
  }

  /** The controller tells where we should be. */
  takePoke(text: string): void {
    const target = this.#parse(() => parseJsonWith(Position, text, 'poke'))
    if (target !== undefined && this.#joined) this.#aim(target)
  }

  #parse<T>(parse: () => T): T | undefined {
    try {
      return parse()
    } catch (error) {
      this.#counts.garbage++
      this.#options.log.warn(
        { error: WeftError.from(error).message.slice(0, 500), garbage: this.#counts.garbage },
        'message not understood',
      )
      return undefined
    }
  }

  async #join(): Promise<void> {
    const { controller, store, log, facts } = this.#options
    const described = facts()
    const answer = await controller.ask('join', { instance: store.current.instance, facts: described }, ASK_MS)
    const known = store.current.identity
    if (known !== null && known.cluster !== answer.cluster) {
      throw new WeftError('conflict', {
        what: 'controller of another cluster',
        on: answer.cluster,
        why: `this host belongs to cluster ${known.cluster}`,
        remedy: `check --controller and --nats; to move the host, stop the agent and remove its data folder`,
      })
    }
    store.change((state) => ({ ...state, identity: { ...answer } }))
    await store.durable()
    this.#joined = true
    this.#toldFacts = canonicalJson(described)
    if (this.#problem?.code !== 'mass_delete') this.#problem = undefined
    log.info({ cluster: answer.cluster, incarnation: answer.incarnation, epoch: answer.epoch }, 'joined')
    if (store.current.position === null) await this.#pull()
    this.#options.onJoined()
  }

  async #status(): Promise<void> {
    const { controller, store, facts, progress } = this.#options
    const { position } = store.current
    if (position === null) return await this.#pull()
    const described = facts()
    const text = canonicalJson(described)
    const { applied, problems } = progress()
    const reply = await controller.ask(
      'status',
      {
        ...this.fence(),
        accepted: position,
        applied,
        problems: problems.slice(0, 200),
        ...(text === this.#toldFacts ? {} : { facts: described }),
      },
      ASK_MS,
    )
    this.#toldFacts = text
    const behind = mustPull(store.current.position, reply.target)
    if (this.#problem?.code !== 'mass_delete' || !behind) this.#problem = undefined
    if (!behind) this.#options.onConfirmed()
    this.#aim(reply.target)
  }

  #failed(error: WeftError): void {
    const { log } = this.#options
    if (error.code === 'denied' || error.code === 'not_found') this.#joined = false
    if (this.#problem?.message !== error.message) log.warn({ error: error.message }, 'controller not reached')
    this.#problem = { code: error.code, message: error.message }
  }

  #aim(target: Position): void {
    if (!mustPull(this.#options.store.current.position, target)) return
    setTimeout(() => {
      if (mustPull(this.#options.store.current.position, target)) this.#pullSoon('behind the target')
    }, GRACE_MS).unref()
  }

  #pullSoon(why: string): void {
    const { log } = this.#options
    log.debug({ why }, 'resync')
    this.#pull().catch((error: unknown) => this.#failed(WeftError.from(error)))
  }

  /** The whole intent, page by page; one at a time. */
  async #pull(): Promise<void> {
    this.#pulling ??= this.#pullOnce().finally(() => {
      this.#pulling = undefined
    })
    await this.#pulling
  }

  async #pullOnce(): Promise<void> {
    const { controller, store, log } = this.#options
    this.#counts.resyncs++
    const pages = await fetchSnapshot(controller, () => this.fence())
    const { identity, endpoints } = store.current
    if (identity === null) return
    const verdict = acceptSnapshot(this.#held(identity), pages, new Set(endpoints.keys()))
    if (verdict.kind === 'resync') throw new WeftError('unavailable', { what: 'snapshot not usable', why: verdict.why })
    if (verdict.kind === 'refused' && verdict.why.startsWith('it removes')) {
      const message = `snapshot refused: ${verdict.why}; the last good intent stays`
      log.error({ why: verdict.why }, 'snapshot refused')
      this.#problem = {
        code: 'mass_delete',
        message,
        remedy:
          'look for what deleted them; restart their containers, or, if it is meant: weft host allow-removals HOST',
      }
      this.changed()
      return
    }
    if (verdict.kind === 'accepted' && this.#problem?.code === 'mass_delete') this.#problem = undefined
    this.#settle(verdict, 'snapshot', false)
  }

  #settle(verdict: Verdict, what: string, own: boolean): void {
    const { store, log, onIntent, onConfirmed } = this.#options
    if (verdict.kind === 'refused') {
      this.#counts.refused++
      log.debug({ what, why: verdict.why, refused: this.#counts.refused }, 'intent refused')
    } else if (verdict.kind === 'resync') {
      this.#pullSoon(verdict.why)
    } else {
      const { entries, position } = verdict
      const previous = store.current.position
      store.change((state) => ({ ...state, entries, position }))
      log.info({ revision: position.revision, entries: entries.size }, 'intent accepted')
      onConfirmed()
      onIntent({ previous, own })
    }
  }

  #held(identity: Held['identity']): Held {
    const { position, entries } = this.#options.store.current
    return { host: this.#options.host, identity, position, entries }
  }

  /** Until `over` becomes true by a change, the time is up, or the signal. */
  async #idle(ms: number, over: () => boolean, signal: AbortSignal): Promise<void> {
    if (over() || signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        if (!over() && !signal.aborted) return
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = () => {}
  }
}
