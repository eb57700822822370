/**
 * Sets guards in sandboxes as soon as these appear, which is before Docker brings the interface: it first starts its own
 * resolver there. Where that cannot be, the pass that sees the interface sets the guard.
 */
import { type DriverHost, WeftError } from '@weft/shared'
import { prefixOf } from './docker/join-answer.ts'
import type { Kernel } from './kernel/index.ts'
import type { Log } from './log.ts'
import { Lookout } from './lookout.ts'
import { guardAhead } from './plan/index.ts'
import type { Reconcile } from './reconcile.ts'
import { localEndpoints } from './state/local-endpoints.ts'
import { isWired } from './state/records.ts'
import type { StateStore } from './state/store.ts'

export interface GuardsAheadOptions {
  readonly hostId: string
  readonly store: Pick<StateStore, 'current' | 'written'>
  readonly kernel: Pick<Kernel, 'apply'>
  readonly between: Reconcile['between']
  /** Whether a namespace is mounted at the path. */
  readonly isThere: (sandbox: string) => boolean
  readonly nowMs: () => number
  readonly log: Log
}

export class GuardsAhead {
  readonly #options: GuardsAheadOptions
  readonly #awaited = new Set<string>()
  readonly #lookout: Lookout
  /** Before Linux 6.16 nft refuses a hook into a link that is not there. */
  #isRefused = false

  constructor(options: GuardsAheadOptions) {
    this.#options = options
    this.#lookout = new Lookout({ look: () => this.#look(), nowMs: options.nowMs })
  }

  /**
   * The endpoint is on its way to the sandbox that its record names. Resolves when its guard is set, or, where the sandbox is
   * still to appear, at once.
   */
  async expect(uid: string): Promise<void> {
    if (this.#isRefused) return
    const { store, isThere } = this.#options
    const { sandbox } = store.current.endpoints.get(uid) ?? {}
    if (sandbox !== undefined && isThere(sandbox)) return await this.#guard(uid)
    this.#awaited.add(uid)
    this.#lookout.look()
  }

  stop(): void {
    this.#awaited.clear()
    this.#lookout.close()
  }

  #look(): string[] {
    const { store, isThere } = this.#options
    return [...this.#awaited].flatMap((uid) => {
      const { phase, sandbox } = store.current.endpoints.get(uid) ?? {}
      const isDue = phase === 'in-flight' && sandbox !== undefined
      if (isDue && !isThere(sandbox)) return sandbox
      this.#awaited.delete(uid)
      if (isDue) void this.#guard(uid)
      return []
    })
  }

  /** Whatever stands in the way is not the container's trouble: a pass sets the guard, or reports why it cannot. */
  async #guard(uid: string): Promise<void> {
    const { between, log } = this.#options
    try {
      await between((host) => this.#set(uid, host))
    } catch (error) {
      log.warn({ endpoint: uid, error: WeftError.from(error).message }, 'guard not set ahead')
    }
  }

  async #set(uid: string, host: DriverHost): Promise<void> {
    const { hostId, store, kernel, log } = this.#options
    const { entries, endpoints } = store.written
    const record = endpoints.get(uid)
    const endpoint = localEndpoints(endpoints, entries)
      .get(record?.network ?? '')
      ?.find((each) => each.uid === uid)
    if (record === undefined || endpoint === undefined) return
    const { network, sandbox } = record
    const prefix = prefixOf(record.ifname)
    const others = [...endpoints.values()].filter(
      (each) => isWired(each) && each.sandbox === sandbox && each !== record,
    )
    const before = others.filter(({ ifname }) => prefixOf(ifname) === prefix).length
    const op = guardAhead({ entries, hostId, host, network, endpoint, prefix, before })
    if (op === undefined) return
    const began = performance.now()
    const [failure] = await kernel.apply([op])
    const ms = Math.round(performance.now() - began)
    if (failure === undefined) return log.info({ endpoint: uid, ms }, 'guard awaits its interface')
    const { code, message } = WeftError.from(failure.error)
    this.#isRefused = code === 'internal'
    log.info({ endpoint: uid, code, error: message }, 'guard not set ahead')
  }
}
