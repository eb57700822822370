/** Where the programs of others are. */
import fs from 'node:fs'
import path from 'node:path'
import { WeftError } from '@weft/shared'

/** Debian puts nats-server into /usr/sbin, which is not in everyone's PATH. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * The path of a program, given by name or by path. `searchPath` is a PATH.
 * @throws `unavailable` with the package to install and the flag to name it with.
 */
export function findProgram(program: string, searchPath: string, debianPackage: string, flag: string): string {
  const folders = program.includes('/') ? [''] : [...searchPath.split(':').filter(Boolean), ...SBIN]
  const found = folders
    .map((folder) => (folder === '' ? path.resolve(program) : path.join(folder, program)))
    .find(isExecutable)
  if (found !== undefined) return found
  throw new WeftError('unavailable', {
    what: 'program not found',
    on: program,
    why: program.includes('/') ? 'no such executable file' : 'it is not in PATH',
    remedy: `apt-get install ${debianPackage}, or name it with ${flag}`,
  })
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return fs.statSync(file).isFile()
  } catch {
    // Absent or not executable: both mean "not this one".
    return false
  }
}
