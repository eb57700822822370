import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { changeEach } from '../network/wait.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ wait: z.boolean().optional() })

/** Removes routers one by one, prints what was asked, then waits until the hosts have followed. */
export const run: Run = async (context, { args, options }) => {
  const { wait } = parseWith(Flags, options, 'options')
  const refs = args.map((text) => parseRef('router', text))
  const client = await openClient(context.connection, context.terminal)
  return await changeEach(context, client, refs, wait, async (ref) => {
    const removed = await client.call('routerRemove', { params: { ref }, query: { req: context.newRequestId() } })
    print(context.terminal, ref)
    return removed.revision
  })
}
