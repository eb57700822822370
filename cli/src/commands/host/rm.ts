import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { note, print } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ force: z.boolean().default(false) })

/** Takes silent hosts out of the cluster one by one, and prints each. */
export const run: Run = async (context, { args, options }) => {
  const { force } = parseWith(Flags, options, 'options')
  const hosts = args.map((text) => parseRef('host', text))
  const client = await openClient(context.connection, context.terminal)
  return await forEach(context, hosts, async (id) => {
    const query = { req: context.newRequestId(), force }
    const { endpoints } = await client.call('hostRemove', { params: { id }, query })
    print(context.terminal, id)
    if (endpoints > 0)
      note(
        context.terminal,
        `${id}: ${endpoints} endpoints ended; if that machine comes back, its containers use addresses that may be others' by then`,
      )
  })
}
