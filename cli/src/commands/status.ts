import { parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../client/open.ts'
import { jsonLine } from '../output/json.ts'
import { painter } from '../output/paint.ts'
import { headline, screenOf, statusScreen } from '../output/status.ts'
import { print } from '../output/terminal.ts'
import { bad, parseDurationMs, parseFormat, parseInteger } from './flags.ts'
import type { Run } from './spec.ts'

const Flags = z.strictObject({
  wait: z.boolean().default(false),
  timeout: z.string(),
  revision: z.string().optional(),
  format: z.string(),
})
const MAX_WAIT_MS = 600_000
const ANSWER_MS = 5_000

/** Shows where every host stands; with --wait waits first, and throws `not_converged` naming who is not there and why. */
export const run: Run = async (context, { options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const format = parseFormat(flags.format)
  const timeoutMs = parseDurationMs('--timeout', flags.timeout, MAX_WAIT_MS)
  const revision =
    flags.revision === undefined ? undefined : parseInteger('--revision', flags.revision, 1, Number.MAX_SAFE_INTEGER)
  if (revision !== undefined && !flags.wait)
    throw bad('--revision', String(revision), 'it says what to wait for', 'add --wait')
  const client = await openClient(context.connection, terminal)
  const query = flags.wait ? { wait: true, timeoutMs, ...(revision === undefined ? {} : { revision }) } : {}
  const view = await client.call('status', { query }, flags.wait ? timeoutMs + ANSWER_MS : undefined)
  print(
    terminal,
    format === 'json'
      ? jsonLine(view)
      : statusScreen(view, painter(terminal.stdout, terminal.env), screenOf(terminal.stdout)),
  )
  const applied = (host: (typeof view.hosts)[number]) =>
    host.converged || (host.applied ?? -1) >= (revision ?? Infinity)
  if (!flags.wait || view.converged || view.hosts.every((host) => applied(host) || !host.alive)) return undefined
  throw new WeftError('not_converged', {
    what: `waited ${flags.timeout}`,
    on: revision === undefined ? `revision ${view.revision}` : `revision ${revision}`,
    why: headline(view),
    remedy: 'mend the hosts named above (weft host inspect HOST), then repeat',
  })
}
