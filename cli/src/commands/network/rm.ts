import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { note, print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'
import { changeEach } from './wait.ts'

const Flags = z.strictObject({ wait: z.boolean().optional() })

/** Removes networks one by one, prints what was asked as Docker does, then waits until the hosts have withdrawn them. */
export const run: Run = async (context, { args, options }) => {
  const flags = parseWith(Flags, options, 'options')
  const refs = args.map((text) => parseRef('network', text))
  const client = await openClient(context.connection, context.terminal)
  return await changeEach(context, client, refs, flags.wait, async (ref) => {
    const removed = await client.call('networkRemove', { params: { ref }, query: { req: context.newRequestId() } })
    print(context.terminal, ref)
    for (const { name, addresses } of removed.reservations) {
      note(context.terminal, `${ref}: no longer reserved for ${name}: ${addresses.join(', ')}`)
    }
    return removed.revision
  })
}
