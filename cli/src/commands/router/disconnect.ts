import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { changeEach } from '../network/wait.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ wait: z.boolean().optional() })

/** Disconnects networks one by one, prints each, then waits until the hosts have followed. */
export const run: Run = async (context, { args: [router = '', ...rest], options }) => {
  const { wait } = parseWith(Flags, options, 'options')
  const ref = parseRef('router', router)
  const networks = rest.map((text) => parseRef('network', text))
  const client = await openClient(context.connection, context.terminal)
  return await changeEach(context, client, networks, wait, async (network) => {
    const query = { req: context.newRequestId() }
    const reply = await client.call('routerDisconnect', { params: { ref, network }, query })
    print(context.terminal, network)
    return reply.revision
  })
}
