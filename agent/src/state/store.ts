/**
 * The state in memory and on disk. A change is seen at once. How long it lasts is the caller's choice:
 * - `keep()` outlives this process: the live part (endpoints, releases; not the intent) is written to a small file
 *   (live-files.ts) before it returns, without fsync, in time that does not depend on the size of the intent. After a
 *   power loss no container runs, and Docker and the controller tell what is lacking. The fsync follows within a second.
 * - `durable()` outlives the machine: temp file, fsync, rename, fsync of the folder. Changes that come while a write is
 *   under way share the next one.
 *
 * Invariants
 * - `written` is what the next agent would begin with. Who acts on the kernel acts on `written`, never on more (agent
 *   contract 4). The intent in it is always fsynced.
 * - The file that is fsynced is never replaced by one that is not.
 * - A state file never uncovers what was kept: a live file names it before it is renamed into place.
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import { createEncoder, decodeState, type Encode } from './codec.ts'
import { LiveFiles } from './live-files.ts'
import { type AgentState, blankState, type LiveState, withLive } from './records.ts'

export interface StateStoreOptions {
  readonly file: string
  readonly log: Log
  /** For a host without a file. */
  readonly newInstance: () => string
}

/** After the last `keep()`: one fsync for all the calls of a container's start. */
const FSYNC_AFTER_MS = 500

export class StateStore {
  readonly #file: string
  readonly #log: Log
  readonly #encode: Encode = createEncoder(() => randomBytes(8).toString('hex'))
  readonly #live: LiveFiles
  #current: AgentState
  #written: AgentState
  /** Of the state file. */
  #sha256: string | undefined
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  /** How many changes there were, of them those in the state file, and how many times something was kept. */
  #changes = 0
  #synced = 0
  #keeps = 0
  #failure: WeftError | undefined
  #onChange: () => void = () => undefined

  private constructor({ file, log }: StateStoreOptions, found: Found) {
    this.#file = file
    this.#log = log
    this.#live = found.live
    this.#current = found.state
    this.#written = found.state
    // What was kept by the last agent is not fsynced.
    this.#changes = found.isKept ? 1 : 0
    this.#sha256 = found.sha256
  }

  /** Reads the files. One that cannot be used is moved aside and reported: the kernel stays, the rest is asked for anew. */
  static open(options: StateStoreOptions): StateStore {
    const { file, log, newInstance } = options
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    const remembered = readInstance(file)
    const start = (found: Found) => {
      const { instance } = found.state
      if (remembered !== instance) fs.writeFileSync(instanceFile(file), `${instance}\n`, { mode: 0o600 })
      return new StateStore(options, found)
    }
    const blank = (instance: string): Found => {
      const { files } = LiveFiles.open(file, undefined, log)
      return { state: blankState(instance), isKept: false, sha256: undefined, live: files }
    }
    if (!fs.existsSync(file)) return start(blank(remembered ?? newInstance()))
    const text = fs.readFileSync(file, 'utf8')
    try {
      const { state: durable, sha256 } = decodeState(text)
      const { files, kept } = LiveFiles.open(file, sha256, log)
      const state = withKept(durable, kept)
      return start({ state, isKept: state !== durable, sha256, live: files })
    } catch (error) {
      const aside = `${file}.bad-${Date.now()}`
      fs.renameSync(file, aside)
      log.error({ file, aside, error: WeftError.from(error).message }, 'state file unusable, moved aside')
      // Its own text may be garbled into another name that looks well.
      const instance = INSTANCE.exec(/"instance":"([^"]*)"/.exec(text)?.[1] ?? '')?.[0]
      return start(blank(remembered ?? instance ?? newInstance()))
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
    if (this.#current === before) return
    this.#changes++
    this.#onChange()
  }

  /** Calls the listener after every change from now on; it must be quick, and must not throw. One listener. */
  onChange(listener: () => void): void {
    this.#onChange = listener
  }

  /** Everything changed so far, but for the intent, outlives this process. @throws `unavailable` when it cannot be written */
  keep(): void {
    const kept = withLive(this.#written, this.#current)
    if (kept === this.#written) return
    try {
      // Without a state file there is nothing to lie over.
      if (this.#sha256 === undefined) this.#writeFirst(kept)
      else this.#live.write(kept, [this.#sha256])
    } catch (cause) {
      this.#durableSoon()
      throw this.#failed(cause)
    }
    this.#written = kept
    this.#keeps++
    this.#durableSoon()
  }

  /** Resolves when everything changed so far is fsynced. @throws `unavailable` when it cannot be written */
  async durable(): Promise<void> {
    const wanted = this.#changes
    while (this.#synced < wanted) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined
      })
      await this.#writing
    }
  }

  #durableSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      // A failure has been logged, and is told as a problem of the host until a later write succeeds.
      this.durable().catch(() => this.#durableSoon())
    }, FSYNC_AFTER_MS).unref()
  }

  #writeFirst(state: AgentState): void {
    const { text, sha256 } = this.#encode(state)
    replaceNow(this.#file, text)
    this.#sha256 = sha256
  }

  async #write(): Promise<void> {
    const state = this.#current
    const changes = this.#changes
    const keeps = this.#keeps
    try {
      const { text, sha256 } = this.#encode(state)
      const temporary = `${this.#file}.new`
      await writeSynced(temporary, text)
      // Nothing runs between these: what was kept while the disk worked lies over the old file and the new one.
      if (this.#keeps !== keeps) {
        const over = this.#sha256 === undefined ? [sha256] : [this.#sha256, sha256]
        this.#live.write(this.#written, over)
      }
      fs.renameSync(temporary, this.#file)
      this.#sha256 = sha256
      await syncFolder(path.dirname(this.#file))
    } catch (cause) {
      throw this.#failed(cause)
    }
    this.#synced = changes
    this.#written = this.#keeps === keeps ? state : withLive(state, this.#written)
    if (this.#failure !== undefined) this.#log.info({ file: this.#file }, 'state file written again')
    this.#failure = undefined
  }

  #failed(cause: unknown): WeftError {
    const parts = { what: 'state file not written', on: this.#file, why: (cause as Error).message, cause }
    const failure = new WeftError('unavailable', { ...parts, remedy: 'make room on its file system' })
    if (this.#failure === undefined)
      this.#log.error({ file: this.#file, error: failure.message }, 'state file not written')
    this.#failure = failure
    return failure
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

interface Found {
  readonly state: AgentState
  readonly isKept: boolean
  readonly sha256: string | undefined
  readonly live: LiveFiles
}

/** The state with what was kept since it was written. What a damaged file held may lack: nothing is removed before Docker was asked. */
function withKept(state: AgentState, kept: LiveState | 'none' | 'damaged'): AgentState {
  if (kept === 'none') return state
  return kept === 'damaged' ? { ...state, endpointsKnown: false } : withLive(state, kept)
}

/** Outlives this process, not the machine. */
function replaceNow(file: string, text: string): void {
  const temporary = `${file}.next`
  fs.writeFileSync(temporary, text, { mode: 0o600 })
  fs.renameSync(temporary, file)
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
