/** Logical names for NICs that each host calls differently. */
import { z } from 'zod'
import { InterfaceName, Name, RequestId } from '../words/names.ts'
import type { OperationTable } from './operation.ts'

export const UplinkView = z.strictObject({ name: Name, hosts: z.record(z.string(), z.string()) })
export type UplinkView = z.infer<typeof UplinkView>

export const UPLINK_OPERATIONS = {
  uplinkList: { method: 'GET', path: '/v1/uplinks', reply: z.array(UplinkView) },
  uplinkSet: {
    method: 'PUT',
    path: '/v1/uplinks/:name/:host',
    params: z.strictObject({ name: Name, host: Name }),
    /** With `dryRun` only says whether it could be done. */
    body: z.strictObject({ req: RequestId, interface: InterfaceName.nullable(), dryRun: z.boolean().default(false) }),
    reply: UplinkView,
  },
} as const satisfies OperationTable
