/** Where every host stands. */
import { z } from 'zod'
import { HostProblem } from '../agent-protocol.ts'
import { Position } from '../intent/intent.ts'
import { BooleanText, type OperationTable } from './operation.ts'

export const HostStatus = z.strictObject({
  id: z.string(),
  alive: z.boolean(),
  target: Position,
  accepted: Position.optional(),
  applied: z.number().int().optional(),
  /** Milliseconds since its last report, null when there was none. */
  reportAgeMs: z.number().nullable(),
  problems: z.array(HostProblem),
  converged: z.boolean(),
})
export type HostStatus = z.infer<typeof HostStatus>

export const StatusView = z.strictObject({
  cluster: z.string(),
  incarnation: z.number().int(),
  revision: z.number().int(),
  converged: z.boolean(),
  hosts: z.array(HostStatus),
  networks: z.number().int(),
  endpoints: z.number().int(),
  warnings: z.array(z.string()),
})
export type StatusView = z.infer<typeof StatusView>

export const STATUS_OPERATIONS = {
  status: {
    method: 'GET',
    path: '/v1/status',
    /** With `wait`, answers when every live host has applied `revision` (default: the newest), or after `timeoutMs`. */
    query: z.strictObject({
      wait: BooleanText.optional(),
      revision: z.coerce.number().int().optional(),
      timeoutMs: z.coerce.number().int().min(1).max(600_000).optional(),
    }),
    reply: StatusView,
  },
} as const satisfies OperationTable
