import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { ListFlags, prepareList } from '../list.ts'
import type { Run } from '../spec.ts'
import { ENDPOINTS } from './list.ts'

const Flags = z.strictObject({
  ...ListFlags.shape,
  network: z.string().optional(),
  host: z.string().optional(),
})

/** Lists endpoints of all hosts, by network and name. */
export const run: Run = async (context, { options }) => {
  const { network, host, ...flags } = parseWith(Flags, options, 'options')
  const show = prepareList(flags, ENDPOINTS)
  const query = {
    network: network === undefined ? undefined : parseRef('network', network),
    host: host === undefined ? undefined : parseRef('host', host),
  }
  const client = await openClient(context.connection, context.terminal)
  print(context.terminal, show(await client.call('endpointList', { query })))
  return undefined
}
