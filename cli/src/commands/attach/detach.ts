import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import { parseRef } from '../flags.ts'
import { CONNECT_MS } from '../network/connect.ts'
import type { Run } from '../spec.ts'

/** Ends attachments one by one, and prints what was asked. */
export const run: Run = async (context, { args }) => {
  const refs = args.map((text) => parseRef('endpoint', text))
  const client = await openClient(context.connection, context.terminal)
  return await forEach(context, refs, async (ref) => {
    await client.call('attachmentEnd', { params: { ref }, body: { req: context.newRequestId() } }, CONNECT_MS)
    print(context.terminal, ref)
  })
}
