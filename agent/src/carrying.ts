/**
 * Whether this host may answer for the routers that its intent gives it. The controller moves a router away from a host that
 * neither its agent nor, by the other hosts' word, its kernel answers for; then that host must not answer either.
 *
 * Invariants
 * - What is carried goes on without controller, NATS and etcd: that the control plane is silent says nothing.
 * - A host that hears neither the controller nor any of the hosts that it heard before takes itself to be cut off, and lays
 *   down what it carries no later than another is likely to take it up.
 * - After a start, or after having been cut off, nothing is taken up from memory: the controller's word of now is needed. What
 *   is in the kernel meanwhile stays.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { EntryMap } from '@weft/shared'
import type { Log } from './log.ts'

/** `present`: only what is in the kernel already. */
export type CarryMode = 'all' | 'present' | 'none'

export interface CarryingOptions {
  readonly host: string
  readonly entries: () => EntryMap
  readonly log: Log
  readonly monotonicMs: () => number
  readonly whoAnswers: (addresses: readonly string[], withinMs: number) => Promise<string[]>
  /** The mode changed. */
  readonly onChange: () => void
}

const ROUND_MS = 300
const ECHO_MS = 300
/** A controller that sees to carriers asks several times a second. */
const CONTROLLER_SILENT_MS = 1_200
/** No controller and no host heard for so long: cut off. */
const CUT_OFF_MS = 1_500
/** Hosts asked in one round. */
const MOST_PEERS = 8

export class Carrying {
  readonly #options: CarryingOptions
  #level = false
  #cutOff = false
  #controllerAt: number
  #peerAt: number
  #peerHeard = false

  constructor(options: CarryingOptions) {
    this.#options = options
    this.#controllerAt = this.#peerAt = options.monotonicMs()
  }

  get mode(): CarryMode {
    if (this.#cutOff) return 'none'
    return this.#level ? 'all' : 'present'
  }

  /** A controller asks whether we are there. */
  asked(): void {
    this.#controllerAt = this.#options.monotonicMs()
  }

  /** A controller says now that our intent is what it should be. */
  confirmed(): void {
    this.asked()
    if (this.#cutOff) this.#meet('a controller')
    if (this.#level) return
    this.#level = true
    this.#options.onChange()
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.round()
      await delay(ROUND_MS, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    }
  }

  /** One look around; nothing while this host carries nothing, or a controller was heard a moment ago. */
  async round(): Promise<void> {
    const { monotonicMs, whoAnswers } = this.#options
    const peers = this.#peers()
    if (peers === undefined) {
      this.#peerHeard = false
      if (this.#cutOff) this.#meet('nobody, and carries nothing')
      return
    }
    if (!this.#cutOff && this.#peerHeard && monotonicMs() - this.#controllerAt < CONTROLLER_SILENT_MS) return
    const answered = await whoAnswers(peers, ECHO_MS)
    const now = monotonicMs()
    if (answered.length > 0) {
      this.#peerAt = now
      this.#peerHeard = true
      if (this.#cutOff) this.#meet('other hosts')
      return
    }
    if (this.#cutOff || !this.#peerHeard) return
    if (now - Math.max(this.#peerAt, this.#controllerAt) < CUT_OFF_MS) return
    this.#cutOff = true
    this.#level = false
    this.#options.log.warn({ peers: peers.length }, 'cut off from controller and hosts: routers are laid down')
    this.#options.onChange()
  }

  #meet(whom: string): void {
    this.#cutOff = false
    this.#options.log.info({ whom }, 'not cut off any more')
    this.#options.onChange()
  }

  /** VTEPs of hosts of the same networks; undefined while no router is ours. */
  #peers(): string[] | undefined {
    const entries = [...this.#options.entries().values()]
    if (!entries.some((entry) => entry.kind === 'router' && entry.host === this.#options.host)) return undefined
    return entries.flatMap((entry) => (entry.kind === 'peer' ? entry.vtep : [])).slice(0, MOST_PEERS)
  }
}
