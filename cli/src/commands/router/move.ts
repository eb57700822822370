import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { waitForHosts } from '../network/wait.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ wait: z.boolean().optional() })

/** Moves a router, prints the host that carries it from now on, and waits until the hosts have followed. */
export const run: Run = async (context, { args: [router = '', host], options }) => {
  const { wait } = parseWith(Flags, options, 'options')
  const ref = parseRef('router', router)
  const to = host === undefined ? {} : { host: parseRef('host', host) }
  const client = await openClient(context.connection, context.terminal)
  const moved = await client.call('routerMove', { params: { ref }, body: { req: context.newRequestId(), ...to } })
  print(context.terminal, moved.host)
  return await waitForHosts(context, client, moved.revision, wait)
}
