/** Hosts, as they have told about themselves. */
import { z } from 'zod'
import { HostFacts } from '../words/host-facts.ts'
import { type OperationTable, Ref } from './operation.ts'

export const HostView = z.strictObject({
  id: z.string(),
  alive: z.boolean(),
  epoch: z.number().int(),
  joinedAt: z.string(),
  facts: HostFacts,
  uplinks: z.record(z.string(), z.string()),
  endpoints: z.number().int(),
})
export type HostView = z.infer<typeof HostView>

export const HOST_OPERATIONS = {
  hostList: { method: 'GET', path: '/v1/hosts', reply: z.array(HostView) },
  hostInspect: { method: 'GET', path: '/v1/hosts/:ref', params: z.strictObject({ ref: Ref }), reply: HostView },
} as const satisfies OperationTable
