/**
 * The state in memory and on disk. A change is seen at once; `durable()` resolves when it is on disk (temp file, fsync,
 * rename, fsync of the folder). Changes that come while a write is under way share the next one.
 *
 * Invariant: `written` is what the file holds. Who acts on the kernel acts on `written`, never on more (agent contract 4).
 */
import fs from 'node:fs'
import { open, rename } from 'node:fs/promises'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import { createEncoder, decodeState, type Encode } from './codec.ts'
import { type AgentState, blankState } from './records.ts'

export interface StateStoreOptions {
  readonly file: string
  readonly log: Log
  /** For a host without a file. */
  readonly newInstance: () => string
}

export class StateStore {
  readonly #file: string
  readonly #log: Log
  readonly #encode: Encode = createEncoder()
  #current: AgentState
  #written: AgentState
  #writing: Promise<void> | undefined
  #failure: WeftError | undefined
  #onChange: () => void = () => undefined

  private constructor({ file, log }: StateStoreOptions, state: AgentState) {
    this.#file = file
    this.#log = log
    this.#current = state
    this.#written = state
  }

  /** Reads the file. One that cannot be used is moved aside and reported: the kernel stays, the rest is asked for anew. */
  static open(options: StateStoreOptions): StateStore {
    const { file, log, newInstance } = options
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    const remembered = readInstance(file)
    const start = (state: AgentState) => {
      if (remembered !== state.instance) fs.writeFileSync(instanceFile(file), `${state.instance}\n`, { mode: 0o600 })
      return new StateStore(options, state)
    }
    if (!fs.existsSync(file)) return start(blankState(remembered ?? newInstance()))
    const text = fs.readFileSync(file, 'utf8')
    try {
      return start(decodeState(text))
    } catch (error) {
      const aside = `${file}.bad-${Date.now()}`
      fs.renameSync(file, aside)
      log.error({ file, aside, error: WeftError.from(error).message }, 'state file unusable, moved aside')
      // Its own text may be garbled into another name that looks well.
      const instance = INSTANCE.exec(/"instance":"([^"]*)"/.exec(text)?.[1] ?? '')?.[0]
      return start(blankState(remembered ?? instance ?? newInstance()))
    }
  }

  get current(): AgentState {
    return this.#current
  }

  get written(): AgentState {
    return this.#written
  }

  /** Why the last write failed; undefined when it did not. */
  get failure(): WeftError | undefined {
    return this.#failure
  }

  /** Applies a pure step; nothing happens when it gives back what it got. */
  change(step: (state: AgentState) => AgentState): void {
    const before = this.#current
    this.#current = step(before)
    if (this.#current !== before) this.#onChange()
  }

  /** Calls the listener after every change from now on; it must be quick, and must not throw. One listener. */
  onChange(listener: () => void): void {
    this.#onChange = listener
  }

  /** Resolves when everything changed so far is on disk. @throws `unavailable` when it cannot be written */
  async durable(): Promise<void> {
    while (this.#written !== this.#current) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined
      })
      await this.#writing
    }
  }

  async #write(): Promise<void> {
    const state = this.#current
    try {
      await replaceFile(this.#file, this.#encode(state))
      this.#written = state
      if (this.#failure !== undefined) this.#log.info({ file: this.#file }, 'state file written again')
      this.#failure = undefined
    } catch (cause) {
      const parts = { what: 'state file not written', on: this.#file, why: (cause as Error).message, cause }
      const failure = new WeftError('unavailable', { ...parts, remedy: 'make room on its file system' })
      if (this.#failure === undefined)
        this.#log.error({ file: this.#file, error: failure.message }, 'state file not written')
      this.#failure = failure
      throw failure
    }
  }
}

const INSTANCE = /^[0-9a-z]{8,64}$/

/** Beside the state file: under a new name the cluster would refuse us until the old one counts as dead. */
function instanceFile(file: string): string {
  return `${file}.instance`
}

function readInstance(file: string): string | undefined {
  if (!fs.existsSync(instanceFile(file))) return undefined
  return INSTANCE.exec(fs.readFileSync(instanceFile(file), 'utf8').trim())?.[0]
}

async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  const folder = await open(path.dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
