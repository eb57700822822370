/** Endpoints: every container's interface, on all hosts. */
import { z } from 'zod'
import { EGRESS_MODES, ENDPOINT_ROLES } from '../intent/entry.ts'
import { PublishedPort } from '../intent/publication.ts'
import { EndpointName, Mac, Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

export const EndpointView = z.strictObject({
  uid: Uid,
  network: z.strictObject({ uid: Uid, name: z.string() }),
  host: z.string(),
  name: EndpointName.optional(),
  aliases: z.array(z.string()),
  mac: Mac,
  addresses: z.array(z.string()),
  state: z.enum(['pending', 'attached', 'detached', 'releasing']),
  containerId: z.string().optional(),
  /** Ports of its host that Weft opens for it (`docker run -p`); those that Docker opens are in docker ps. */
  ports: z.array(PublishedPort).optional(),
  /** Its way out where that is not its network's: it follows when its container is started again. */
  egress: z.enum(EGRESS_MODES).optional(),
  createdAt: z.string(),
  /** What it is when it is no container's: a host's own access, or a leg of `router`. */
  role: z.enum(ENDPOINT_ROLES).optional(),
  router: z.string().optional(),
})
export type EndpointView = z.infer<typeof EndpointView>

export const ENDPOINT_OPERATIONS = {
  endpointList: {
    method: 'GET',
    path: '/v1/endpoints',
    query: z.strictObject({ network: Ref.optional(), host: Ref.optional() }),
    reply: z.array(EndpointView),
  },
  endpointInspect: {
    method: 'GET',
    path: '/v1/endpoints/:ref',
    params: z.strictObject({ ref: Ref }),
    reply: EndpointView,
  },
} as const satisfies OperationTable
