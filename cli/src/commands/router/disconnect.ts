import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import { parseRef } from '../flags.ts'
import { waitForHosts } from '../network/wait.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ wait: z.boolean().optional() })

/** Disconnects networks one by one, prints each, then waits until the hosts have followed. */
export const run: Run = async (context, { args: [router = '', ...rest], options }) => {
  const { wait } = parseWith(Flags, options, 'options')
  const ref = parseRef('router', router)
  const networks = rest.map((text) => parseRef('network', text))
  const client = await openClient(context.connection, context.terminal)
  let revision = 0
  const exit = await forEach(context, networks, async (network) => {
    const query = { req: context.newRequestId() }
    const reply = await client.call('routerDisconnect', { params: { ref, network }, query })
    revision = Math.max(revision, reply.revision)
    print(context.terminal, network)
  })
  const late = revision === 0 ? undefined : await waitForHosts(context, client, revision, wait)
  return exit ?? late
}
