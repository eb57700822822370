/** The last of joining: the doctor looks at the new host, and at the ways between it and others. */
import { type DoctorFinding, MOST_DOCTOR_PAIRS, WeftError } from '@weft/shared'
import type { Client } from '../client/client.ts'
import { findingsScreen, tally, worstLast } from '../output/findings.ts'
import { painter } from '../output/paint.ts'
import { note, type Terminal } from '../output/terminal.ts'

const ANSWER_MS = 25_000

/**
 * Shows what is not well, each with why it matters and what mends it. The host has joined whatever is found: that there is
 * no examination now is said, and is no failure.
 */
export async function examineJoined(terminal: Terminal, client: Client, id: string): Promise<void> {
  note(terminal, 'examining this host, and the ways between it and others')
  try {
    const { hosts, findings } = await client.call('doctor', { body: { hosts: [id] } }, ANSWER_MS)
    const others = hosts.filter((host) => host.alive && host.id !== id).slice(0, MOST_DOCTOR_PAIRS)
    const pairs = others.map((host): [string, string] => [id, host.id])
    const more = pairs.length === 0 ? [] : await examinePairs(client, pairs)
    show(terminal, [...findings, ...more], id)
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (!error.retryable) throw error
    note(terminal, `not examined: ${error.message}; do it later: weft doctor ${id}`)
  }
}

async function examinePairs(client: Client, pairs: [string, string][]): Promise<readonly DoctorFinding[]> {
  return (await client.call('doctor', { body: { hosts: [], pairs } }, ANSWER_MS)).findings
}

function show(terminal: Terminal, findings: readonly DoctorFinding[], id: string): void {
  const bad = findings.filter(({ severity }) => severity === 'error' || severity === 'warn')
  if (bad.length > 0) terminal.stderr.write(findingsScreen(worstLast(bad), painter(terminal.stderr, terminal.env)))
  note(terminal, `${tally(findings)}${bad.length > 0 ? `; see it again: weft doctor ${id}` : ''}`)
}
