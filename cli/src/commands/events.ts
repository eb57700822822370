import { type EventView, parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../client/open.ts'
import { jsonLine } from '../output/json.ts'
import { print, printable } from '../output/terminal.ts'
import { parseFilters, parseFormat } from './flags.ts'
import type { Run } from './spec.ts'

const Flags = z.strictObject({ format: z.string(), filter: z.array(z.string()).default([]) })
const KEYS = ['type', 'action', 'name', 'id'] as const

/** Prints what changes, as it changes, until Ctrl-C. */
export const run: Run = async (context, { options }) => {
  const { terminal } = context
  const flags = parseWith(Flags, options, 'options')
  const format = parseFormat(flags.format)
  const filters = parseFilters(flags.filter, KEYS)
  const client = await openClient(context.connection, terminal)
  const signal = context.interrupt()
  try {
    for await (const event of client.stream('events', {}, signal)) {
      if (!KEYS.every((key) => filters.get(key)?.includes(event[key] ?? '') ?? true)) continue
      print(terminal, format === 'json' ? jsonLine(event) : eventLine(event))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return undefined
}

/** `2026-01-02T03:04:05.000Z network create 3k… (name=mynet, revision=231)`, in the manner of `docker events`. */
export function eventLine(event: EventView): string {
  const named = event.name === undefined ? {} : { name: event.name }
  const facts = Object.entries({ ...named, ...event.attributes, revision: String(event.revision) })
  const text = facts.map(([key, value]) => `${key}=${value}`).join(', ')
  return printable(`${event.time} ${event.type} ${event.action} ${event.id} (${text})`)
}
