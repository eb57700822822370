/** `inspect` of several things: a JSON array of those that exist, or one line of a template each; an error for each other. */
import { parseWith } from '@weft/shared'
import { z } from 'zod'
import type { Client } from '../client/client.ts'
import { openClient } from '../client/open.ts'
import { jsonArray, jsonLine } from '../output/json.ts'
import { compile, toData, type Value } from '../output/template/index.ts'
import { print } from '../output/terminal.ts'
import { forEach } from './each.ts'
import { bad, parseRef } from './flags.ts'
import type { Context, Given } from './spec.ts'

const Flags = z.strictObject({ format: z.string().optional() })

export async function inspectEach(
  context: Context,
  what: string,
  { args, options }: Given,
  get: (client: Client, ref: string) => Promise<Value>,
): Promise<number | undefined> {
  const show = shower(parseWith(Flags, options, 'options').format)
  const refs = args.map((text) => parseRef(what, text))
  const client = await openClient(context.connection, context.terminal)
  const found: Value[] = []
  const exit = await forEach(context, refs, async (ref) => {
    found.push(await get(client, ref))
  })
  print(context.terminal, show(found))
  return exit
}

/** As Docker's inspect: an indented array; with `-f json` one line of JSON each, with a template its text and a line break. */
function shower(format: string | undefined): (found: readonly Value[]) => string {
  if (format === undefined) return (found) => jsonArray(found.map(toData))
  if (format === 'json') return (found) => found.map((each) => jsonLine(toData(each))).join('')
  if (!format.includes('{{')) throw bad('-f', format, 'it is json or a Go template', "write it like -f '{{.Name}}'")
  const template = compile(format, '-f')
  return (found) => found.map((each) => `${template.render(each)}\n`).join('')
}
