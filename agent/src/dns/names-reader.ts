/** The resolver's eye on the names file: hears of a new one at once, and looks four times a second besides. */
import fs from 'node:fs'
import path from 'node:path'
import { parseJsonWith, WeftError } from '@weft/shared'
import type { Log } from '../log.ts'
import { NamesFile } from './names.ts'

/** inotify says nothing when its queue overflows or the folder is replaced. */
const POLL_MS = 250

/**
 * Calls `onNames` with the file's content, now and after every change. One that is absent says nothing, one that cannot
 * be read is reported once; what was read before stays in force.
 */
export function followNames(file: string, log: Log, onNames: (names: NamesFile) => void): { close(): void } {
  let seen = ''
  let text: string | undefined
  const look = (): void => {
    try {
      const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
      if (stat === undefined) return
      const mark = `${stat.ino} ${stat.mtimeNs} ${stat.size}`
      if (mark === seen) return
      seen = mark
      const now = fs.readFileSync(file, 'utf8')
      if (now === text) return
      text = now
      onNames(parseJsonWith(NamesFile, now, 'names file'))
    } catch (error) {
      log.error({ file, error: WeftError.from(error).message }, 'names file not read')
    }
  }
  const watcher = fs.watch(path.dirname(file), (_, name) => {
    if (name === null || name === path.basename(file)) look()
  })
  watcher.on('error', (error) => log.warn({ error: error.message }, 'folder of the names file no longer watched'))
  const timer = setInterval(look, POLL_MS)
  look()
  return {
    close: () => {
      watcher.close()
      clearInterval(timer)
    },
  }
}
