/**
 * Keeps this host's Docker networks as the intent has them: a reconciler of its own, since making one calls our plugin,
 * and Docker must never be waited for in a plugin call.
 */
import { canonicalJson, type HostProblem, type NetworkSpec, WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import type { StateStore } from '../state/store.ts'
import type { Engine } from './engine.ts'
import { networkCreateBody, planNetworks } from './network-objects.ts'

export interface NetworkKeeperOptions {
  readonly engine: Engine
  readonly store: StateStore
  readonly log: Log
  /** Whether Docker answers; while it does not, nothing is tried. */
  readonly isUp: () => boolean
  readonly onChanged: () => void
  readonly retryMs: number
}

export class NetworkKeeper {
  readonly #options: NetworkKeeperOptions
  readonly #creating = new Set<string>()
  #problems: readonly HostProblem[] = []
  #applied = 0
  /** What Docker was last seen to have right; undefined when it must be looked at again. */
  #seen: string | undefined
  #running = false
  #again = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: NetworkKeeperOptions) {
    this.#options = options
  }

  /** Networks whose Docker object is being made now. */
  get creating(): ReadonlySet<string> {
    return this.#creating
  }

  get problems(): readonly HostProblem[] {
    return this.#problems
  }

  /** The last revision whose networks Docker was seen to have, all of them. */
  get applied(): number {
    return this.#applied
  }

  /** Docker changed, or came back: look again. */
  lookAgain(): void {
    this.#seen = undefined
    this.trigger()
  }

  /** The intent changed. */
  trigger(): void {
    if (this.#running) {
      this.#again = true
      return
    }
    void this.#run()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#running = true
  }

  async #run(): Promise<void> {
    this.#running = true
    clearTimeout(this.#timer)
    do {
      this.#again = false
      await this.#pass()
    } while (this.#again)
    this.#running = false
    if (this.#problems.length > 0) this.#timer = setTimeout(() => this.lookAgain(), this.#options.retryMs)
  }

  async #pass(): Promise<void> {
    const { store, isUp, log, onChanged } = this.#options
    const { position, entries } = store.written
    if (position === null || !isUp()) return
    const wanted = [...entries.values()].flatMap((entry) => (entry.kind === 'network' ? [entry] : []))
    const picture = canonicalJson(wanted)
    if (this.#seen === picture) {
      this.#applied = position.revision
      return onChanged()
    }
    const problems: HostProblem[] = []
    try {
      problems.push(...(await this.#settle(wanted)))
    } catch (thrown) {
      const error = WeftError.from(thrown)
      log.warn({ error: error.message }, 'Docker networks not settled')
      problems.push({ code: error.code, message: error.message.slice(0, 2000) })
    }
    this.#problems = problems
    this.#seen = problems.length === 0 ? picture : undefined
    if (problems.length === 0) this.#applied = position.revision
    onChanged()
  }

  async #settle(wanted: readonly NetworkSpec[]): Promise<HostProblem[]> {
    const { engine, store, log } = this.#options
    const plan = planNetworks(wanted, await engine.networks())
    const problems = [...plan.problems]
    store.change((state) => {
      const dockerNetworks = { ...state.dockerNetworks, ...plan.known }
      return canonicalJson(dockerNetworks) === canonicalJson(state.dockerNetworks)
        ? state
        : { ...state, dockerNetworks }
    })
    for (const { id, name } of plan.remove) {
      const failure = await attempt(() => engine.removeNetwork(id))
      if (failure === undefined) log.info({ network: name }, 'Docker network removed')
      else {
        const remedy = `disconnect its containers on this host: docker network inspect ${name}`
        problems.push({
          code: failure.code,
          message: `Docker network ${name} not removed: ${failure.message}`.slice(0, 2000),
          remedy,
        })
      }
    }
    for (const network of plan.create) {
      this.#creating.add(network.uid)
      const failure = await attempt(() => engine.createNetwork(networkCreateBody(network)))
      this.#creating.delete(network.uid)
      if (failure === undefined) log.info({ network: network.name }, 'Docker network made')
      else {
        const message = `Docker network ${network.name} not made: ${failure.message}`.slice(0, 2000)
        problems.push({ code: failure.code, message, network: network.uid })
      }
    }
    return problems
  }
}

async function attempt(work: () => Promise<unknown>): Promise<WeftError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return WeftError.from(error)
  }
}
