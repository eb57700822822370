/** The other programs of Weft, found beside this package, and put in this process's place. */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { WeftError } from '@weft/shared'

const MAINS = { controller: 'controller/dist/main.js', agent: 'agent/dist/main.js', dns: 'agent/dist/dns/main.js' }
export type ProgramName = keyof typeof MAINS
export const PROGRAM_NAMES = Object.keys(MAINS) as ProgramName[]

/** The same from cli/src and from cli/dist. */
const CHECKOUT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** Path of a program's main file. Throws `unavailable` when it is not built. */
export function findProgram(name: ProgramName, root: string = CHECKOUT): string {
  const main = path.join(root, MAINS[name])
  if (fs.existsSync(main)) return main
  throw new WeftError('unavailable', {
    what: 'program is not built',
    on: main,
    remedy: 'build it with: npm run build',
  })
}

/**
 * Becomes the program (execve): the same process id, terminal, signals and exit code, and no second Node in memory.
 * Does not return. Throws `unavailable` as {@link findProgram}.
 */
export function becomeProgram(
  name: ProgramName,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  root: string = CHECKOUT,
): never {
  const main = findProgram(name, root)
  if (process.execve === undefined) throw new WeftError('unsupported', { what: 'execve', why: 'Node 24 has it' })
  return process.execve(process.execPath, [process.execPath, main, ...args], env)
}
