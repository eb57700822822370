/** Connecting a container of any host to a network, and taking it off again: the host's engine does it. */
import { z } from 'zod'
import { ConnectWish, DisconnectWish } from '../attachment.ts'
import { Name, Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

const params = z.strictObject({ ref: Ref })
/** Where the container was found; needed only where several hosts have one of the name. */
const host = Name.optional()

export const ConnectionView = z.strictObject({
  host: z.string(),
  container: z.string(),
  network: z.strictObject({ uid: Uid, name: z.string() }),
})
export type ConnectionView = z.infer<typeof ConnectionView>

export const CONNECTION_OPERATIONS = {
  connectionMake: {
    method: 'POST',
    path: '/v1/networks/:ref/connect',
    params,
    body: z.strictObject({ ...ConnectWish.shape, host }),
    reply: ConnectionView,
  },
  connectionEnd: {
    method: 'POST',
    path: '/v1/networks/:ref/disconnect',
    params,
    body: z.strictObject({ ...DisconnectWish.shape, host }),
    reply: ConnectionView,
  },
} as const satisfies OperationTable
