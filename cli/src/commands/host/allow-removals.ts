import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'

export const run: Run = async (context, { args }) => {
  const ref = parseRef('host', args[0] ?? '')
  const client = await openClient(context.connection, context.terminal)
  const body = { req: context.newRequestId() }
  const { host, seconds } = await client.call('hostAllowRemovals', { params: { ref }, body })
  print(context.terminal, `${host} takes every removal for ${seconds / 60} minutes`)
  return undefined
}
