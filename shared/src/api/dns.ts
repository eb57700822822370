/** Names, as the containers of a network hear them. */
import { z } from 'zod'
import { Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

/** One endpoint that a name, or an address, leads to. */
export const DnsView = z.strictObject({
  /** What a container of the network may ask for, in full: `web.mynet`. */
  name: z.string(),
  network: z.string(),
  addresses: z.array(z.string()),
  host: z.string(),
  /** Name of the container; absent while its host has not told it. */
  container: z.string().optional(),
  endpoint: Uid,
})
export type DnsView = z.infer<typeof DnsView>

export const DNS_OPERATIONS = {
  /** Endpoints that a name (or an address, as PTR) leads to, as the containers of the networks hear it. */
  dnsLookup: {
    method: 'GET',
    path: '/v1/dns/:name',
    params: z.strictObject({ name: z.string().min(1).max(253) }),
    query: z.strictObject({ network: Ref.optional() }),
    reply: z.array(DnsView),
  },
} as const satisfies OperationTable
