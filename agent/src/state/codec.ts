/**
 * The texts of the state: a head line with schema version and checksum, then one line of JSON a section. Sections that
 * did not change are not serialised again, so that a write on a host with a large intent stays cheap.
 *
 * The state file has everything. A live file lies over it: all but the intent, as of the last plugin call, and it counts
 * only on top of a state file that it names by checksum.
 */
import { createHash } from 'node:crypto'
import { parseJsonWith, toEntryMap, WeftError } from '@weft/shared'
import { z } from 'zod'
import { type AgentState, LiveSections, type LiveState, Sections } from './records.ts'

const FORMAT = 'weft-agent-state'
const LIVE_FORMAT = 'weft-agent-live'
const VERSION = 1
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Head = z.strictObject({ format: z.literal(FORMAT), v: z.number().int(), sha256: Sha256 })
const LiveHead = z.strictObject({
  format: z.literal(LIVE_FORMAT),
  v: z.number().int(),
  sha256: Sha256,
  /** Checksums of the state files on which it counts. */
  over: z.array(Sha256),
  /** Of two, the one with the higher number is the later one. */
  sequence: z.number().int(),
})

export interface Encoded {
  readonly text: string
  /** What a live file names it by. */
  readonly sha256: string
}
export type Encode = (state: AgentState) => Encoded

/**
 * An encoder that remembers the text of the last entries. `nonce` gives another word each time: two state files never have one
 * checksum, so that a live file over an older one cannot count again when its content comes back.
 */
export function createEncoder(nonce: () => string): Encode {
  let entries: AgentState['entries'] | undefined
  let entriesText = '[]'
  return (state) => {
    if (state.entries !== entries) {
      entriesText = JSON.stringify([...state.entries.values()])
      entries = state.entries
    }
    const { entries: _, endpoints, ...about } = state
    const body = `${JSON.stringify(about)}\n${entriesText}\n${JSON.stringify([...endpoints.values()])}\n${nonce()}\n`
    const sum = sha256(body)
    return { text: `${JSON.stringify({ format: FORMAT, v: VERSION, sha256: sum })}\n${body}`, sha256: sum }
  }
}

/** @throws `invalid` for a text that is cut, altered, of another version, or breaks the schema */
export function decodeState(text: string): { state: AgentState; sha256: string } {
  const { head, body } = split(text, Head, 'state file')
  const [about = '', entries = '', endpoints = ''] = body.split('\n')
  const state = {
    ...parseJsonWith(Sections.about, about, 'state file'),
    entries: toEntryMap(parseJsonWith(Sections.entries, entries, 'intent in the state file')),
    endpoints: byUid(parseJsonWith(Sections.endpoints, endpoints, 'endpoints in the state file')),
  }
  return { state, sha256: head.sha256 }
}

/** The text of a live file, which counts over state files of these checksums. */
export function encodeLive(live: LiveState, over: readonly string[], sequence: number): string {
  const { endpoints, releases, dockerNetworks, docker, endpointsKnown } = live
  const about = JSON.stringify({ releases, dockerNetworks, docker, endpointsKnown })
  const body = `${about}\n${JSON.stringify([...endpoints.values()])}\n`
  return `${JSON.stringify({ format: LIVE_FORMAT, v: VERSION, sha256: sha256(body), over, sequence })}\n${body}`
}

/** @throws `invalid` as decodeState does */
export function decodeLive(text: string): { live: LiveState; over: readonly string[]; sequence: number } {
  const { head, body } = split(text, LiveHead, 'live file of the state')
  const [about = '', endpoints = ''] = body.split('\n')
  const live = {
    ...parseJsonWith(LiveSections.about, about, 'live file of the state'),
    endpoints: byUid(parseJsonWith(LiveSections.endpoints, endpoints, 'endpoints in the live file')),
  }
  return { live, over: head.over, sequence: head.sequence }
}

function split<H extends { v: number; sha256: string }>(
  text: string,
  schema: z.ZodType<H>,
  what: string,
): { head: H; body: string } {
  const end = text.indexOf('\n')
  const head = parseJsonWith(schema, text.slice(0, Math.max(end, 0)), `head of the ${what}`)
  if (head.v !== VERSION) {
    const why = `this agent reads version ${VERSION}`
    throw new WeftError('invalid', { what: `${what} of another version`, on: String(head.v), why })
  }
  const body = text.slice(end + 1)
  if (sha256(body) !== head.sha256) {
    throw new WeftError('invalid', { what: `${what} is damaged`, why: 'its checksum is another one' })
  }
  return { head, body }
}

function byUid<R extends { uid: string }>(records: readonly R[]): Map<string, R> {
  return new Map(records.map((record) => [record.uid, record]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
