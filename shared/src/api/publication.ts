/** Published ports: a container's port opened on hosts. */
import { z } from 'zod'
import { PublicationSpec } from '../intent/publication.ts'
import { EndpointName, Name, RequestId, Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

/** On which hosts: the one that runs the container, every one, or these. */
export const PublishOn = z.union([z.literal('own'), z.literal('all'), z.array(Name).min(1).max(200)])
export type PublishOn = z.infer<typeof PublishOn>

const { protocol, hostIp, hostPort, port } = PublicationSpec.shape

export const PublicationRequest = z.strictObject({
  req: RequestId,
  /** Container name, or id of a container or endpoint. A name that nobody has yet is taken where the network is named. */
  container: Ref,
  /** Needed when the container is in several. */
  network: Ref.optional(),
  protocol,
  hostIp,
  hostPort,
  port,
  on: PublishOn,
})
export type PublicationRequest = z.infer<typeof PublicationRequest>

export const PublicationView = z.strictObject({
  uid: Uid,
  network: z.strictObject({ uid: Uid, name: z.string() }),
  container: EndpointName,
  protocol,
  hostIp,
  hostPort,
  port,
  on: PublishOn,
  /** Where connections go now; absent while no such container runs. */
  target: z.strictObject({ host: z.string(), addresses: z.array(z.string()) }).optional(),
  createdAt: z.string(),
  revision: z.number().int(),
  /** What the admin should know though the request was granted. */
  warnings: z.array(z.string()),
})
export type PublicationView = z.infer<typeof PublicationView>

export const PUBLICATION_OPERATIONS = {
  publicationCreate: { method: 'POST', path: '/v1/publications', body: PublicationRequest, reply: PublicationView },
  publicationList: {
    method: 'GET',
    path: '/v1/publications',
    query: z.strictObject({ network: Ref.optional() }),
    reply: z.array(PublicationView),
  },
  publicationRemove: {
    method: 'DELETE',
    path: '/v1/publications/:ref',
    params: z.strictObject({ ref: Ref }),
    query: z.strictObject({ req: RequestId }),
    reply: z.strictObject({ uid: Uid, revision: z.number().int() }),
  },
} as const satisfies OperationTable
