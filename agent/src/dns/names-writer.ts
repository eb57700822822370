/**
 * The agent's hand on the names file: written anew whenever names changed, in one piece (temporary file and rename).
 * Not synced to disk: after a power cut there are no containers, and the agent writes it at its start.
 */
import { rename, writeFile } from 'node:fs/promises'
import { type HostProblem, WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import type { AgentState } from '../state/records.ts'
import { namesOf } from './names.ts'

export interface NamesWriterOptions {
  readonly file: string
  /** Id of this host. */
  readonly host: string
  readonly state: () => AgentState
  readonly log: Log
}

const RETRY_MS = 1_000

export class NamesWriter {
  readonly #options: NamesWriterOptions
  #entries: AgentState['entries'] | undefined
  #endpoints: AgentState['endpoints'] | undefined
  #written = ''
  #busy = false
  #again = false
  #failure: WeftError | undefined
  #retry: NodeJS.Timeout | undefined

  constructor(options: NamesWriterOptions) {
    this.#options = options
  }

  get problems(): readonly HostProblem[] {
    return this.#failure === undefined ? [] : [{ code: this.#failure.code, message: this.#failure.message }]
  }

  /** To be called after every change of the state; costs nothing when names cannot have changed. */
  changed(): void {
    const { entries, endpoints } = this.#options.state()
    if (entries === this.#entries && endpoints === this.#endpoints) return
    this.#again = true
    if (this.#busy) return
    this.#busy = true
    // What changes in one breath is written once.
    setImmediate(() => void this.#writeAll())
  }

  stop(): void {
    clearTimeout(this.#retry)
  }

  async #writeAll(): Promise<void> {
    while (this.#again) {
      this.#again = false
      await this.#write()
    }
    this.#busy = false
  }

  async #write(): Promise<void> {
    const { file, host, state, log } = this.#options
    const { entries, endpoints } = state()
    const text = `${JSON.stringify(namesOf({ entries, endpoints }, host))}\n`
    try {
      if (text !== this.#written) {
        await writeFile(`${file}.new`, text, { mode: 0o600 })
        await rename(`${file}.new`, file)
      }
      this.#written = text
      this.#entries = entries
      this.#endpoints = endpoints
      this.#failure = undefined
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const parts = { what: 'names file not written', on: file, why, cause }
      const failure = new WeftError('unavailable', { ...parts, remedy: 'make room on its file system' })
      if (this.#failure === undefined) log.error({ file, error: failure.message }, 'names file not written')
      this.#failure = failure
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => this.changed(), RETRY_MS)
    }
  }
}
