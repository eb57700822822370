import { Name, parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ host: z.string().optional() })

/** Creates a router and prints its id. */
export const run: Run = async (context, { args: [text = ''], options }) => {
  const { host } = parseWith(Flags, options, 'options')
  const name = parseWith(Name, text, 'router name')
  const preferred = host === undefined ? {} : { preferred: parseRef('host', host) }
  const client = await openClient(context.connection, context.terminal)
  const { uid } = await client.call('routerCreate', { body: { req: context.newRequestId(), name, ...preferred } })
  print(context.terminal, uid)
  return undefined
}
