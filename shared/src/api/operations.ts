/**
 * The HTTP API of the controller as one table, put together from one file a noun: the server's routes, the CLI's client,
 * the reference and the bad-input tests are made from it. Bodies are JSON; an error is `{error: ErrorBody}` with the
 * status of its code.
 */
import { z } from 'zod'
import { DoctorCall, DoctorView } from '../doctor.ts'
import { TraceCall, TraceView } from '../trace.ts'
import { ATTACHMENT_OPERATIONS } from './attachment.ts'
import { CONNECTION_OPERATIONS } from './connection.ts'
import { DNS_OPERATIONS } from './dns.ts'
import { ENDPOINT_OPERATIONS } from './endpoint.ts'
import { EVENT_OPERATIONS } from './event.ts'
import { HOST_OPERATIONS } from './host.ts'
import { IMPORT_OPERATIONS } from './import.ts'
import { IP_OPERATIONS } from './ip.ts'
import { NETWORK_OPERATIONS } from './network.ts'
import type { OperationTable } from './operation.ts'
import { PUBLICATION_OPERATIONS } from './publication.ts'
import { ROUTER_OPERATIONS } from './router.ts'
import { STATUS_OPERATIONS } from './status.ts'
import { UPLINK_OPERATIONS } from './uplink.ts'

export const OPERATIONS = {
  ...NETWORK_OPERATIONS,
  ...CONNECTION_OPERATIONS,
  ...IP_OPERATIONS,
  ...IMPORT_OPERATIONS,
  ...ATTACHMENT_OPERATIONS,
  ...ENDPOINT_OPERATIONS,
  ...DNS_OPERATIONS,
  ...HOST_OPERATIONS,
  ...UPLINK_OPERATIONS,
  ...PUBLICATION_OPERATIONS,
  ...ROUTER_OPERATIONS,
  ...STATUS_OPERATIONS,
  ...EVENT_OPERATIONS,
  /** Runs the checks of these hosts, and the probes between these pairs; bounded to 20 s. */
  doctor: { method: 'POST', path: '/v1/doctor', body: DoctorCall, reply: DoctorView },
  /** Whether one container reaches another, or an address; bounded to 15 s. */
  trace: { method: 'POST', path: '/v1/trace', body: TraceCall, reply: TraceView },
  version: { method: 'GET', path: '/v1/version', reply: z.strictObject({ version: z.string(), cluster: z.string() }) },
} as const satisfies OperationTable
export type OperationName = keyof typeof OPERATIONS
