import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'

/** Gives reservations up one by one; prints what was asked. */
export const run: Run = async (context, { args }) => {
  const [network = '', ...rest] = args
  const ref = parseRef('network', network)
  const given = rest.map((what) => parseRef('container name or address', what))
  const client = await openClient(context.connection, context.terminal)
  return await forEach(context, given, async (what) => {
    await client.call('ipRelease', { params: { ref, what }, query: { req: context.newRequestId() } })
    print(context.terminal, what)
  })
}
