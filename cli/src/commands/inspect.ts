/** `inspect` of several things: one JSON array of those that exist, an error for each other. */
import type { Client } from '../client/client.ts'
import { openClient } from '../client/open.ts'
import { jsonArray } from '../output/json.ts'
import { print } from '../output/terminal.ts'
import { forEach } from './each.ts'
import { parseRef } from './flags.ts'
import type { Context } from './spec.ts'

export async function inspectEach(
  context: Context,
  what: string,
  args: readonly string[],
  get: (client: Client, ref: string) => Promise<object>,
): Promise<number | undefined> {
  const refs = args.map((text) => parseRef(what, text))
  const client = await openClient(context.connection, context.terminal)
  const found: object[] = []
  const exit = await forEach(context, refs, async (ref) => {
    found.push(await get(client, ref))
  })
  print(context.terminal, jsonArray(found))
  return exit
}
