/** Hosts, as they have told about themselves. */
import { z } from 'zod'
import { HostFacts } from '../words/host-facts.ts'
import { Name, RequestId } from '../words/names.ts'
import { BooleanText, type OperationTable, Ref } from './operation.ts'

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
  /** For some minutes the host's agent takes snapshots that remove many of its endpoints at once. */
  hostAllowRemovals: {
    method: 'POST',
    path: '/v1/hosts/:ref/allow-removals',
    params: z.strictObject({ ref: Ref }),
    body: z.strictObject({ req: RequestId }),
    reply: z.strictObject({ host: z.string(), seconds: z.number().int() }),
  },
  hostList: { method: 'GET', path: '/v1/hosts', reply: z.array(HostView) },
  hostRemove: {
    method: 'DELETE',
    path: '/v1/hosts/:id',
    params: z.strictObject({ id: Name }),
    /** With `force` also a host whose containers have addresses: they rest, and are then given to others. */
    query: z.strictObject({ req: RequestId, force: BooleanText.optional() }),
    reply: z.strictObject({ id: z.string(), revision: z.number().int(), endpoints: z.number().int() }),
  },
  hostInspect: { method: 'GET', path: '/v1/hosts/:ref', params: z.strictObject({ ref: Ref }), reply: HostView },
} as const satisfies OperationTable
