import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { note, print } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'
import { waitForHosts } from './wait.ts'

const Flags = z.strictObject({ wait: z.boolean().optional() })

/** Removes networks one by one, prints what was asked as Docker does, then waits until the hosts have withdrawn them. */
export const run: Run = async (context, { args, options }) => {
  const flags = parseWith(Flags, options, 'options')
  const refs = args.map((text) => parseRef('network', text))
  const client = await openClient(context.connection, context.terminal)
  let revision = 0
  const exit = await forEach(context, refs, async (ref) => {
    const removed = await client.call('networkRemove', { params: { ref }, query: { req: context.newRequestId() } })
    revision = Math.max(revision, removed.revision)
    print(context.terminal, ref)
    for (const { name, addresses } of removed.reservations) {
      note(context.terminal, `${ref}: no longer reserved for ${name}: ${addresses.join(', ')}`)
    }
  })
  const late = revision === 0 ? undefined : await waitForHosts(context, client, revision, flags.wait)
  return exit ?? late
}
