/** Files of configuration and of secrets: whole or not at all, and never open to others, not even for a moment. */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'

/** Writes a file of mode 0600 in place of whatever is there, and its folder if need be. @throws `denied` */
export function writePrivate(file: string, text: string): void {
  asRoot(file, () => {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 })
    const temporary = `${file}.${process.pid}`
    fs.rmSync(temporary, { force: true })
    fs.writeFileSync(temporary, text, { mode: 0o600, flag: 'wx', flush: true })
    fs.renameSync(temporary, file)
  })
}

export function writeJson(file: string, value: unknown): void {
  writePrivate(file, `${JSON.stringify(value, null, 2)}\n`)
}

/** Makes a folder that only root enters. @throws `denied` */
export function makePrivateFolder(folder: string): void {
  asRoot(folder, () => fs.mkdirSync(folder, { recursive: true, mode: 0o700 }))
}

/** The text of a file; undefined when there is none. @throws `denied` */
export function readIfThere(file: string): string | undefined {
  return asRoot(file, () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined))
}

function asRoot<T>(file: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw cause
    throw new WeftError('denied', {
      what: 'no access',
      on: file,
      why: message,
      remedy: 'run the command as root',
      cause,
    })
  }
}
