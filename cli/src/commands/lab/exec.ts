import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { execIn } from '../../lab/index.ts'
import { bad } from '../flags.ts'
import type { Run } from '../spec.ts'
import { chooseLab } from './choose.ts'

const Flags = z.strictObject({ name: z.string().optional() })

/** Runs the command with this terminal; its exit code is ours. */
export const run: Run = async (context, { args, options }) => {
  const { env } = context.terminal
  const { name } = parseWith(Flags, options, 'options')
  const [host = '', ...rest] = args
  const argv = rest[0] === '--' ? rest.slice(1) : rest
  if (argv.length === 0) throw bad('command', '(none)', 'nothing to run', `weft lab exec ${host} -- docker ps`)
  // Not SIGINT: the terminal gives it to the command too, which decides.
  const signal = context.interrupt(['SIGTERM', 'SIGHUP'])
  const { code } = await execIn(chooseLab(name, env), host, argv, { stdio: 'inherit', signal })
  return code
}
