/**
 * Looks out for files that are about to appear: Docker makes the file of a sandbox, and mounts the namespace on it a little
 * later, of which inotify says nothing. So folders are watched, and while a file is there that is not mounted yet, or its
 * folder cannot be watched, there is a look every 2 ms.
 */
import fs from 'node:fs'
import path from 'node:path'

export interface LookoutOptions {
  /** Deals with what has appeared, and gives back the files that are still awaited. */
  readonly look: () => readonly string[]
  readonly nowMs: () => number
}

const NEAR_MS = 2
const NEAR_FOR_MS = 2_000
const FAR_MS = 250

export class Lookout {
  readonly #options: LookoutOptions
  readonly #watchers = new Map<string, fs.FSWatcher>()
  #nearUntilMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: LookoutOptions) {
    this.#options = options
  }

  /** Something else is awaited: looks now, and from then on until nothing is. */
  look(): void {
    this.#look(true)
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #look(isNew: boolean): void {
    clearTimeout(this.#timer)
    const awaited = this.#options.look()
    if (awaited.length === 0) return
    const folders = [...new Set(awaited.map((file) => path.dirname(file)))]
    const wereWatched = folders.every((folder) => this.#watchers.has(folder))
    const areWatched = folders.map((folder) => this.#watch(folder)).every(Boolean)
    const isNear = isNew ? !wereWatched || awaited.some((file) => fs.existsSync(file)) : areWatched && !wereWatched
    if (isNear) this.#approach()
    const waitMs = this.#options.nowMs() < this.#nearUntilMs ? NEAR_MS : FAR_MS
    this.#timer = setTimeout(() => this.#look(false), waitMs)
  }

  #approach(): void {
    this.#nearUntilMs = this.#options.nowMs() + NEAR_FOR_MS
  }

  /** False while there is no such folder. */
  #watch(folder: string): boolean {
    if (this.#watchers.has(folder)) return true
    if (!fs.existsSync(folder)) return false
    const watcher = fs.watch(folder, () => {
      this.#approach()
      this.#look(false)
    })
    watcher.on('error', () => {
      watcher.close()
      this.#watchers.delete(folder)
    })
    this.#watchers.set(folder, watcher)
    return true
  }
}
