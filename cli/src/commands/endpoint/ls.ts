import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { parseFormat, parseRef } from '../flags.ts'
import { ListFlags, printList, shortId } from '../list.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({
  ...ListFlags.omit({ filter: true }).shape,
  network: z.string().optional(),
  host: z.string().optional(),
})

/** Lists endpoints, by network and name. */
export const run: Run = async (context, { options }) => {
  const { network, host, ...flags } = parseWith(Flags, options, 'options')
  parseFormat(flags.format)
  const query = {
    network: network === undefined ? undefined : parseRef('network', network),
    host: host === undefined ? undefined : parseRef('host', host),
  }
  const client = await openClient(context.connection, context.terminal)
  const endpoints = await client.call('endpointList', { query })
  const order = (each: (typeof endpoints)[number]) => `${each.network.name} ${each.name ?? ''} ${each.uid}`
  endpoints.sort((a, b) => (order(a) < order(b) ? -1 : 1))
  printList(context.terminal, flags, endpoints, {
    id: (endpoint) => endpoint.uid,
    columns: [
      { title: 'ENDPOINT ID', value: (endpoint) => shortId(endpoint.uid, flags.trunc) },
      { title: 'NAME', value: (endpoint) => endpoint.name ?? '-' },
      { title: 'NETWORK', value: (endpoint) => endpoint.network.name },
      { title: 'HOST', value: (endpoint) => endpoint.host },
      { title: 'ADDRESSES', value: (endpoint) => endpoint.addresses.join(' ') },
      { title: 'MAC', value: (endpoint) => endpoint.mac },
      { title: 'STATE', value: (endpoint) => endpoint.state },
    ],
  })
  return undefined
}
