import { ERROR_CODES, MOST_DOCTOR_PAIRS, parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { findingsScreen, tally, worstLast } from '../../output/findings.ts'
import { jsonLine } from '../../output/json.ts'
import { painter } from '../../output/paint.ts'
import { note, print } from '../../output/terminal.ts'
import { parseFormat, parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'
import { choosePairs, countPairs, type Pair } from './pairs.ts'

const Flags = z.strictObject({ all: z.boolean().default(false), format: z.string() })
const ANSWER_MS = 25_000

/** Examines hosts and the paths between them; exit code 7 when anything is an error. */
export const run: Run = async (context, { args, options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const format = parseFormat(flags.format)
  const named = [...new Set(args.map((host) => parseRef('host', host)))]
  const client = await openClient(context.connection, terminal)
  const progress = (text: string) => terminal.stderr.isTTY === true && note(terminal, text)
  progress(`examining ${named.join(', ') || 'every host'}`)
  const { hosts, findings } = await client.call('doctor', { body: named.length > 0 ? { hosts: named } : {} }, ANSWER_MS)
  const alive = hosts.filter((host) => host.alive).map((host) => host.id)
  const wanted = named.length > 0 ? named.filter((host) => alive.includes(host)) : alive
  const pairs = choosePairs(alive, wanted, flags.all)
  for (const some of chunks(pairs)) {
    progress(`probing ${some.map((pair) => pair.join(' - ')).join(', ')}`)
    const body = { hosts: [], pairs: some.map(([from, to]): [string, string] => [from, to]) }
    findings.push(...(await client.call('doctor', { body }, ANSWER_MS)).findings)
  }
  const left = countPairs(alive, wanted) - pairs.length
  print(
    terminal,
    format === 'json'
      ? jsonLine(findings)
      : findingsScreen(worstLast(findings), painter(terminal.stdout, terminal.env)),
  )
  note(terminal, tally(findings))
  if (left > 0) note(terminal, `${left} more pairs of hosts were not probed: weft doctor --all`)
  return findings.some(({ severity }) => severity === 'error') ? ERROR_CODES.not_converged.exit : undefined
}

function chunks(pairs: readonly Pair[]): Pair[][] {
  const count = Math.ceil(pairs.length / MOST_DOCTOR_PAIRS)
  return Array.from({ length: count }, (_, index) =>
    pairs.slice(index * MOST_DOCTOR_PAIRS, (index + 1) * MOST_DOCTOR_PAIRS),
  )
}
