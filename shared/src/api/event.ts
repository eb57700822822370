/** What changes, as it changes. */
import { z } from 'zod'
import type { OperationTable } from './operation.ts'

export const EventView = z.strictObject({
  time: z.string(),
  revision: z.number().int(),
  type: z.enum(['network', 'endpoint', 'reservation', 'host', 'uplink', 'router', 'publication']),
  action: z.enum(['create', 'update', 'delete']),
  id: z.string(),
  name: z.string().optional(),
  attributes: z.record(z.string(), z.string()),
})
export type EventView = z.infer<typeof EventView>

export const EVENT_OPERATIONS = {
  events: { method: 'GET', path: '/v1/events', reply: EventView, stream: true },
} as const satisfies OperationTable
