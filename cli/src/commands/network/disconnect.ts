import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'
import { CONNECT_MS, containerPlace } from './connect.ts'

const Flags = z.strictObject({ force: z.boolean().default(false) })

/** Takes a container of any host off a network; prints nothing, as Docker. */
export const run: Run = async (context, { args: [network = '', container = ''], options }) => {
  const { force } = parseWith(Flags, options, 'options')
  const params = { ref: parseRef('network', network) }
  const body = { req: context.newRequestId(), ...containerPlace(container), force }
  const client = await openClient(context.connection, context.terminal)
  await client.call('connectionEnd', { params, body }, CONNECT_MS)
  return undefined
}
