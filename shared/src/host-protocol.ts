/**
 * What a controller asks of a host's agent, over NATS requests on `weft.v1.host.<id>.call.<verb>`; HTTP only goes the
 * other way. One table: the controller's `askHost`, the agent's handlers and their tests are made from it. A reply is
 * `{ok: …}` or `{error: ErrorBody}` (reply.ts).
 */
import { z } from 'zod'
import { ConnectWish, ContainerRef, DisconnectWish, FoundContainer } from './attachment.ts'
import { DoctorReply, DoctorRequest } from './doctor.ts'
import { Uid } from './words/names.ts'

export const HOST_VERBS = {
  /** Checks of the host, and probes between two hosts. */
  doctor: { request: DoctorRequest, reply: DoctorReply },
  /** A container of the host's engine, by name or id. */
  'container-find': {
    request: z.strictObject({ container: ContainerRef }),
    reply: z.strictObject({ found: FoundContainer.nullable() }),
  },
  /** `docker network connect` on the host's engine. */
  'network-connect': {
    request: z.strictObject({ ...ConnectWish.shape, network: Uid }),
    reply: z.strictObject({ container: FoundContainer }),
  },
  /** `docker network disconnect` on the host's engine. */
  'network-disconnect': {
    request: z.strictObject({ ...DisconnectWish.shape, network: Uid }),
    reply: z.strictObject({ container: FoundContainer }),
  },
} as const satisfies Record<string, { request: z.ZodType; reply: z.ZodType }>

export type HostVerb = keyof typeof HOST_VERBS
export type HostRequest<V extends HostVerb> = z.infer<(typeof HOST_VERBS)[V]['request']>
export type HostReply<V extends HostVerb> = z.infer<(typeof HOST_VERBS)[V]['reply']>

/** What travels: `instance` is that of the host's record; another agent of the same name says so, or keeps silent. */
export const HostCall = z.strictObject({ instance: z.string().max(64), request: z.unknown() })
export type HostCall = z.infer<typeof HostCall>
