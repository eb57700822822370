/**
 * The state file's text: a head line with schema version and checksum, then one line of JSON a section. Sections that
 * did not change are not serialised again, so that an attach on a host with a large intent stays cheap.
 */
import { createHash } from 'node:crypto'
import { parseJsonWith, toEntryMap, WeftError } from '@weft/shared'
import { z } from 'zod'
import { type AgentState, Sections } from './records.ts'

const FORMAT = 'weft-agent-state'
const VERSION = 1
const Head = z.strictObject({ format: z.literal(FORMAT), v: z.number().int(), sha256: z.string() })

export type Encode = (state: AgentState) => string

/** An encoder that remembers the text of the last entries. */
export function createEncoder(): Encode {
  let entries: AgentState['entries'] | undefined
  let entriesText = '[]'
  return (state) => {
    if (state.entries !== entries) {
      entriesText = JSON.stringify([...state.entries.values()])
      entries = state.entries
    }
    const { entries: _, endpoints, ...about } = state
    const body = `${JSON.stringify(about)}\n${entriesText}\n${JSON.stringify([...endpoints.values()])}\n`
    return `${JSON.stringify({ format: FORMAT, v: VERSION, sha256: sha256(body) })}\n${body}`
  }
}

/** @throws `invalid` for a text that is cut, altered, of another version, or breaks the schema */
export function decodeState(text: string): AgentState {
  const end = text.indexOf('\n')
  const head = parseJsonWith(Head, text.slice(0, Math.max(end, 0)), 'head of the state file')
  if (head.v !== VERSION) {
    const why = `this agent reads version ${VERSION}`
    throw new WeftError('invalid', { what: 'state file of another version', on: String(head.v), why })
  }
  const body = text.slice(end + 1)
  if (sha256(body) !== head.sha256) {
    throw new WeftError('invalid', { what: 'state file is damaged', why: 'its checksum is another one' })
  }
  const [about = '', entries = '', endpoints = ''] = body.split('\n')
  return {
    ...parseJsonWith(Sections.about, about, 'state file'),
    entries: toEntryMap(parseJsonWith(Sections.entries, entries, 'intent in the state file')),
    endpoints: new Map(
      parseJsonWith(Sections.endpoints, endpoints, 'endpoints in the state file').map((record) => [record.uid, record]),
    ),
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
