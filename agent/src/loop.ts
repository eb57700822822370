/**
 * The one loop: triggers ring, passes run one at a time, and many rings while one runs are one more pass.
 * Whoever must know that the kernel has followed (a driver call, a release) waits for a pass that began after its change.
 */
import type { HostProblem } from '@weft/shared'
import { WeftError } from '@weft/shared'
import type { Log } from './log.ts'
import type { PassResult } from './reconcile.ts'

export interface LoopOptions {
  readonly pass: () => Promise<PassResult>
  readonly log: Log
  readonly onResult: (result: PassResult) => void
  /** A pass happens at least this often. */
  readonly everyMs: number
}

/** After a pass that threw. */
const RETRY_MS = 1_000

export class Loop {
  readonly #options: LoopOptions
  #running: Promise<PassResult> | undefined
  #next: Promise<PassResult> | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** Asks for a pass, soon, and waits for nothing. */
  trigger(reason: string): void {
    // What a pass throws has become a problem in its result.
    void this.run(reason)
  }

  /** Resolves with the result of a pass that begins from now on. */
  run(reason: string): Promise<PassResult> {
    if (this.#stopped) return Promise.resolve(failed(new WeftError('unavailable', { what: 'agent stops' })))
    this.#options.log.debug({ reason }, 'pass asked for')
    this.#next ??= this.#start()
    return this.#next
  }

  /** No further pass begins; the running one is waited for. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #start(): Promise<PassResult> {
    // Rings of one turn of the event loop are one pass.
    await new Promise<void>((resolve) => setImmediate(resolve))
    await this.#running
    const pass = this.#once()
    this.#running = pass
    this.#next = undefined
    const result = await pass
    this.#running = undefined
    this.#schedule(result.retryInMs)
    this.#options.onResult(result)
    return result
  }

  async #once(): Promise<PassResult> {
    try {
      return await this.#options.pass()
    } catch (thrown) {
      const error = WeftError.from(thrown, 'pass failed')
      this.#options.log.error({ error: error.message }, 'pass failed')
      return failed(error)
    }
  }

  #schedule(retryInMs: number | undefined): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    const inMs = Math.min(this.#options.everyMs, retryInMs ?? Number.POSITIVE_INFINITY)
    this.#timer = setTimeout(() => this.trigger('timer'), inMs)
  }
}

function failed(error: WeftError): PassResult {
  const problem: HostProblem = {
    code: error.code,
    message: error.message.slice(0, 2000),
    ...(error.parts.remedy === undefined ? {} : { remedy: error.parts.remedy }),
  }
  return { applied: undefined, problems: [problem], ops: 0, retryInMs: RETRY_MS, observed: undefined }
}
