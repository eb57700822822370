/** From `-f FILE` to what it says. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { WeftError } from '@weft/shared'
import type { Client } from '../../client/client.ts'
import { parseFile, type Sections } from '../../declare/document.ts'
import type { Plan } from '../../declare/plan.ts'
import { planText } from '../../declare/text.ts'
import type { Terminal } from '../../output/terminal.ts'

/** @throws `invalid` (no file named, not what it must be), `not_found` */
export async function readWanted(terminal: Terminal, file: string | undefined): Promise<Sections> {
  if (file === undefined)
    throw new WeftError('invalid', { what: 'no file named', on: '-f', remedy: 'name one: -f weft.yaml, or -f -' })
  if (file === '-') return parseFile(terminal.stdin === undefined ? '' : await text(terminal.stdin), 'stdin')
  try {
    return parseFile(await fs.readFile(file, 'utf8'), path.basename(file))
  } catch (cause) {
    if (cause instanceof WeftError) throw cause
    const { code, message: why } = cause as NodeJS.ErrnoException
    const found = code === 'ENOENT' ? 'not_found' : 'invalid'
    throw new WeftError(found, { what: 'file cannot be read', on: file, why, remedy: 'name another: -f FILE', cause })
  }
}

/** The plan for people, with the hosts that it concerns. */
export async function shownPlan(client: Client, plan: Plan): Promise<string> {
  const [hosts, endpoints] = await Promise.all([
    client.call('hostList', {}),
    client.call('endpointList', { query: {} }),
  ])
  return planText(plan, { hosts, endpoints })
}
