import { isIP } from 'node:net'
import { ERROR_CODES, IpText, parseWith, TraceCall } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { findingsScreen } from '../../output/findings.ts'
import { jsonLine } from '../../output/json.ts'
import { painter } from '../../output/paint.ts'
import { note, print } from '../../output/terminal.ts'
import { parseFormat, withFlag } from '../flags.ts'
import { containerPlace } from '../network/connect.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ port: z.string().optional(), format: z.string() })

const PortText = z.coerce.number().pipe(TraceCall.shape.port.unwrap())

const TRACE_MS = 20_000
const DOCTOR_MS = 25_000

/** Follows and tries the way; exit code 7 when it does not lead there. */
export const run: Run = async (context, { args: [from = '', to = ''], options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const format = parseFormat(flags.format)
  const body = traceCall(from, to, flags.port)
  const client = await openClient(context.connection, terminal)
  const traced = await client.call('trace', { body }, TRACE_MS)
  const pair = traced.between
  const examined =
    pair === undefined ? [] : (await client.call('doctor', { body: { hosts: [], pairs: [pair] } }, DOCTOR_MS)).findings
  const findings = [...traced.findings, ...examined]
  const whole = { ...traced, findings }
  print(
    terminal,
    format === 'json' ? jsonLine(whole) : findingsScreen(findings, painter(terminal.stdout, terminal.env)),
  )
  note(terminal, `${traced.from} ${traced.reached ? 'reaches' : 'does not reach'} ${traced.to}`)
  return traced.reached ? undefined : ERROR_CODES.not_converged.exit
}

/** Throws `invalid` with the argument, the rule and the remedy. */
export function traceCall(from: string, to: string, port: string | undefined): TraceCall {
  return {
    from: containerPlace(from),
    to: isIP(to) !== 0 ? { address: parseWith(IpText, to, 'address') } : containerPlace(to),
    ...(port === undefined ? {} : { port: withFlag('--port', () => parseWith(PortText, port, 'port')) }),
  }
}
