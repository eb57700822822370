/** Docker networks that admins made on one host, and taking them over. */
import { z } from 'zod'
import { FoundDockerNetwork, TakenOver } from '../docker-network.ts'
import { RequestId } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

const params = z.strictObject({ host: Ref, network: Ref })

export const IMPORT_OPERATIONS = {
  /** The Docker network of that name or id on a host, with its containers. */
  importLook: { method: 'GET', path: '/v1/hosts/:host/docker-networks/:network', params, reply: FoundDockerNetwork },
  /**
   * Moves the containers of the Docker network to ours, and removes it. It goes on when nobody waits; asked again under the
   * same request id it answers what became of it.
   */
  importMove: {
    method: 'POST',
    path: '/v1/hosts/:host/docker-networks/:network/move',
    params,
    body: z.strictObject({ req: RequestId, to: Ref }),
    reply: TakenOver,
  },
} as const satisfies OperationTable
