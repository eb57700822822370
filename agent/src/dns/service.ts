/**
 * The resolver: a server in each sandbox that the names file lists, from the moment in which its namespace appears.
 *
 * Invariant: where the table in a sandbox sends questions to us, we listen; it is the last made and the first removed.
 */
import { WeftError } from '@weft/shared'
import type { Sandboxes } from '../kernel/sandbox/index.ts'
import type { Log } from '../log.ts'
import { Lookout } from '../lookout.ts'
import { type NamesFile, NO_NAMES } from './names.ts'
import { SandboxServer } from './sandbox-server.ts'
import { makeZone, type Zone } from './zone.ts'

export interface ServiceOptions {
  readonly sandboxes: Sandboxes
  /** Docker's resolver. */
  readonly resolver: string
  readonly log: Log
  readonly randomId: () => number
  readonly nowMs: () => number
}

type Wanted = NamesFile['sandboxes'][number]

interface Serving {
  wanted: Wanted
  zones: readonly Zone[]
  readonly server: SandboxServer
}

/** Our sockets hold a namespace that Docker is done with; without an agent nobody says that it is. */
const SWEEP_MS = 1_000
/** Names with several addresses whose turn is remembered. */
const MOST_TURNS = 10_000

export class ResolverService {
  readonly #options: ServiceOptions
  readonly #serving = new Map<string, Serving>()
  readonly #lookout: Lookout
  readonly #turns = new Map<string, number>()
  readonly #complained = new Set<string>()
  #waiting = new Map<string, Wanted>()
  #zones = new Map<string, Zone>()
  readonly #sweep: NodeJS.Timeout

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#lookout = new Lookout({ look: () => this.#look(), nowMs: options.nowMs })
    this.#sweep = setInterval(() => this.#dropGone(), SWEEP_MS)
  }

  /** Sandboxes in which questions are answered. */
  get sandboxes(): number {
    return this.#serving.size
  }

  /** From now on these names hold, and no others. */
  take(names: NamesFile): void {
    this.#zones = new Map(names.networks.map((network) => [network.uid, makeZone(network)]))
    const wanted = new Map(names.sandboxes.map((sandbox) => [sandbox.path, sandbox]))
    for (const path of [...this.#serving.keys()]) if (!wanted.has(path)) this.#leave(path)
    for (const path of this.#complained) if (!wanted.has(path)) this.#complained.delete(path)
    this.#waiting = new Map()
    for (const sandbox of wanted.values()) {
      const serving = this.#serving.get(sandbox.path)
      if (serving === undefined) this.#waiting.set(sandbox.path, sandbox)
      else Object.assign(serving, { wanted: sandbox, zones: this.#zonesOf(sandbox) })
    }
    this.#lookout.look()
  }

  /** Leaves every sandbox to Docker's resolver. */
  close(): void {
    this.take(NO_NAMES)
    clearInterval(this.#sweep)
    this.#lookout.close()
  }

  #zonesOf({ networks }: Wanted): Zone[] {
    return networks.flatMap((uid) => this.#zones.get(uid) ?? [])
  }

  #look(): string[] {
    for (const wanted of this.#waiting.values()) this.#enter(wanted)
    return [...this.#waiting.keys()]
  }

  #enter(wanted: Wanted): void {
    const { sandboxes, resolver, log, randomId, nowMs } = this.#options
    const { path } = wanted
    try {
      if (!sandboxes.isThere(path)) return
      const began = performance.now()
      const serving: Serving = {
        wanted,
        zones: this.#zonesOf(wanted),
        server: new SandboxServer({
          sockets: sandboxes.open(path),
          log,
          asker: () => ({ zones: serving.zones, turn: (name) => this.#turn(name) }),
          mayForward: () => !serving.wanted.internal || sandboxes.hasDefaultRoute(path),
          resolver,
          connect: () => sandboxes.connect(path),
          randomId,
          nowMs,
        }),
      }
      this.#serving.set(path, serving)
      this.#waiting.delete(path)
      this.#complained.delete(path)
      log.info({ sandbox: path, ms: Math.round((performance.now() - began) * 10) / 10 }, 'answering in a sandbox')
    } catch (thrown) {
      const error = WeftError.from(thrown)
      if (error.code === 'not_found' || this.#complained.has(path)) return
      this.#complained.add(path)
      log.error({ sandbox: path, error: error.message }, 'sandbox without a resolver')
    }
  }

  #leave(path: string): void {
    const { sandboxes, log } = this.#options
    try {
      sandboxes.remove(path)
    } catch (error) {
      log.warn({ sandbox: path, error: WeftError.from(error).message }, 'table not removed')
    }
    this.#serving.get(path)?.server.close()
    this.#serving.delete(path)
    log.info({ sandbox: path }, 'left a sandbox')
  }

  #dropGone(): void {
    for (const [path, { wanted }] of this.#serving) {
      if (this.#options.sandboxes.isThere(path)) continue
      this.#leave(path)
      this.#waiting.set(path, wanted)
    }
    if (this.#waiting.size > 0) this.#lookout.look()
  }

  #turn(name: string): number {
    const turn = this.#turns.get(name) ?? 0
    if (turn === 0 && this.#turns.size >= MOST_TURNS) this.#turns.clear()
    this.#turns.set(name, turn + 1)
    return turn
  }
}
