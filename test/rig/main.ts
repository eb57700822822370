/**
 * The rig's command line:
 *   npm run rig -- up [--bare]          build what is missing, boot, make a cluster (--bare: without Weft and Docker)
 *   npm run rig -- needs                the Debian packages that it wants, installed where they lack
 *   npm run rig -- sh HOST              a root shell on controller, docker1 or docker2
 *   npm run rig -- exec HOST -- CMD …   a command there, its output and exit code here
 *   npm run rig -- logs HOST            failed units, console and journal
 *   npm run rig -- test                 up, the rig's tests, down
 *   npm run rig -- down                 everything ended and removed
 *   npm run rig -- vagrant …            the same three machines by Vagrant and libvirt: vagrant/vagrant.ts
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { ERROR_CODES, WeftError } from '@weft/shared'
import { findMachine } from './machine.ts'
import { installNeeds, whyNot } from './machine-needs.ts'
import { say } from './progress.ts'
import { down, failures, up } from './rig.ts'
import { openShell } from './shell.ts'
import { vagrant } from './vagrant/vagrant.ts'

const VERBS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  up: async (args) => {
    const reason = whyNot()
    if (reason !== undefined) throw new WeftError('unsupported', { what: 'the rig cannot run here', why: reason })
    const rig = await up({ provision: !args.includes('--bare') })
    for (const machine of rig.machines) machine.close()
    say('up; next: npm run rig -- sh docker1    npm run rig -- exec controller -- weft status    npm run rig -- down')
    return 0
  },
  needs: async () => {
    await installNeeds()
    return 0
  },
  sh: async ([name = '']) => {
    await openShell(findMachine(name))
    return 0
  },
  exec: async ([name = '', ...rest]) => {
    const argv = rest[0] === '--' ? rest.slice(1) : rest
    const { code, out, err } = await findMachine(name).exec(argv, { timeoutMs: 600_000 })
    process.stdout.write(out)
    process.stderr.write(err)
    return code
  },
  logs: async ([name = '']) => {
    process.stdout.write(`${await failures(findMachine(name))}\n`)
    return 0
  },
  test: async (args) => {
    const config = path.join(import.meta.dirname, 'vitest.config.ts')
    const child = spawn('vitest', ['run', '--config', config, ...args], { stdio: 'inherit' })
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  },
  down: async () => {
    await down()
    return 0
  },
  vagrant,
}

/** What an interrupted verb would leave behind, taken down. */
function undoOf(verb: string, [first]: readonly string[]): (() => Promise<unknown>) | undefined {
  if (verb === 'up' || verb === 'test') return down
  return verb === 'vagrant' && first === 'show' ? () => vagrant(['down']) : undefined
}

try {
  const [verb = '', ...args] = process.argv.slice(2)
  const act = VERBS[verb]
  if (act === undefined)
    throw new WeftError('invalid', {
      what: 'unknown verb',
      on: verb,
      why: `it is one of ${Object.keys(VERBS).join(', ')}`,
    })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      const undo = undoOf(verb, args)
      if (undo === undefined) process.exit(130)
      undo().then(
        () => process.exit(130),
        () => process.exit(1),
      )
    })
  process.exit(await act(args))
} catch (thrown) {
  const error = WeftError.from(thrown)
  process.stderr.write(`rig: ${error.message}\n`)
  process.exit(ERROR_CODES[error.code].exit)
}
