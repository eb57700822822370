/**
 * The live part of the state, written by turns into two files, over what one of them held before. A file that is replaced by
 * another (rename) is on its way to the disk before that returns (ext4 auto_da_alloc): 1 to 4 ms, three times in a container's
 * start. What is written over costs 0.1 ms.
 *
 * Invariant: of the two, the one that was written last is whole or was cut off in its writing, and then nobody was answered
 * on the strength of it: the other one holds.
 */
import fs from 'node:fs'
import { WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import { decodeLive, encodeLive } from './codec.ts'
import type { LiveState } from './records.ts'

type Turn = 0 | 1

export class LiveFiles {
  readonly #file: string
  #sequence = 0
  /** Which to write next. */
  #turn: Turn = 0

  private constructor(file: string) {
    this.#file = file
  }

  /**
   * @param over checksum of the state file: what does not name it is older than that
   * @returns what was kept over it, `none`, or `damaged` when there may have been more
   */
  static open(
    file: string,
    over: string | undefined,
    log: Log,
  ): { files: LiveFiles; kept: LiveState | 'none' | 'damaged' } {
    const files = new LiveFiles(file)
    const found = ([0, 1] as const).flatMap((turn) => files.#read(turn, log))
    const whole = found.flatMap((each) => (each.text === 'damaged' ? [] : { turn: each.turn, ...each.text }))
    const [last] = whole
      .filter((each) => over !== undefined && each.over.includes(over))
      .sort((a, b) => b.sequence - a.sequence)
    files.#sequence = Math.max(0, ...whole.map(({ sequence }) => sequence))
    files.#turn = last?.turn === 0 ? 1 : 0
    if (last !== undefined) return { files, kept: last.live }
    return { files, kept: whole.length < found.length ? 'damaged' : 'none' }
  }

  /** Outlives this process, not the machine. @throws what the file system says */
  write(live: LiveState, over: readonly string[]): void {
    const text = Buffer.from(encodeLive(live, over, ++this.#sequence))
    const file = this.#nameOf(this.#turn)
    // Neither emptied nor replaced.
    const descriptor = fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600)
    try {
      for (let at = 0; at < text.length; ) at += fs.writeSync(descriptor, text, at, text.length - at, at)
      fs.ftruncateSync(descriptor, text.length)
    } finally {
      fs.closeSync(descriptor)
    }
    this.#turn = this.#turn === 0 ? 1 : 0
  }

  #nameOf(turn: Turn): string {
    return `${this.#file}.live-${turn}`
  }

  #read(turn: Turn, log: Log): { turn: Turn; text: ReturnType<typeof decodeLive> | 'damaged' }[] {
    const file = this.#nameOf(turn)
    if (!fs.existsSync(file)) return []
    try {
      return [{ turn, text: decodeLive(fs.readFileSync(file, 'utf8')) }]
    } catch (error) {
      log.warn({ file, error: WeftError.from(error).message }, 'live file unusable, left out')
      return [{ turn, text: 'damaged' }]
    }
  }
}
