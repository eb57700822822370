/**
 * What a controller asks of a host's agent, over NATS requests on `weft.v1.host.<id>.call.<verb>`; HTTP only goes the
 * other way. One table: the controller's `askHost`, the agent's handlers and their tests are made from it. A reply is
 * `{ok: …}` or `{error: ErrorBody}` (reply.ts).
 */
import { z } from 'zod'
import { Attached, AttachWish, ConnectWish, ContainerRef, DisconnectWish, FoundContainer } from './attachment.ts'
import { FoundDockerNetwork, TakenOver } from './docker-network.ts'
import { DoctorReply, DoctorRequest } from './doctor.ts'
import { Port, Protocol } from './intent/publication.ts'
import { TraceEnd, TraceEndRequest, TraceTry, TraceTryRequest } from './trace.ts'
import { IpText } from './words/address-text.ts'
import { RequestId, Uid } from './words/names.ts'

/** A port of the host's, on one of its addresses or on all. */
export const HostPortClaim = z.strictObject({ protocol: Protocol, port: Port, ip: IpText.optional() })
export type HostPortClaim = z.infer<typeof HostPortClaim>

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
  /** Which of these ports somebody on the host has: a process, a container of Docker's, or one of ours (`-p`). */
  ports: {
    request: z.strictObject({ ports: z.array(HostPortClaim).max(64) }),
    reply: z.strictObject({ taken: z.array(z.strictObject({ ...HostPortClaim.shape, by: z.string().max(300) })) }),
  },
  /** A Docker network of the host that is none of ours, by name or id, with its containers. */
  'docker-network': {
    request: z.strictObject({ network: z.string().min(1).max(128) }),
    reply: z.strictObject({ found: FoundDockerNetwork.nullable() }),
  },
  /** Moves the containers of a Docker network (by its id) to one of ours, and removes it. */
  'take-over': {
    request: z.strictObject({ req: RequestId, network: Uid, from: z.string().max(64) }),
    reply: TakenOver,
  },
  /** Makes an endpoint in a namespace that Docker does not wire. */
  attach: { request: z.strictObject({ ...AttachWish.shape, network: Uid }), reply: Attached },
  /** Ends what `attach` made. */
  detach: { request: z.strictObject({ req: RequestId, endpoint: Uid }), reply: z.strictObject({}) },
  /** Which of these addresses answer an echo by ICMP; none are asked to learn whether the agent itself answers. */
  reach: {
    request: z.strictObject({ addresses: z.array(IpText).max(8), withinMs: z.number().int().min(1).max(2000) }),
    reply: z.strictObject({ answered: z.array(IpText) }),
  },
  /** How an endpoint stands in its sandbox. */
  'trace-end': { request: TraceEndRequest, reply: TraceEnd },
  /** Whether an address is reached from an endpoint's sandbox. */
  'trace-try': { request: TraceTryRequest, reply: TraceTry },
} as const satisfies Record<string, { request: z.ZodType; reply: z.ZodType }>

export type HostVerb = keyof typeof HOST_VERBS
export type HostRequest<V extends HostVerb> = z.infer<(typeof HOST_VERBS)[V]['request']>
export type HostReply<V extends HostVerb> = z.infer<(typeof HOST_VERBS)[V]['reply']>

/** What travels: `instance` is that of the host's record; another agent of the same name says so, or keeps silent. */
export const HostCall = z.strictObject({ instance: z.string().max(64), request: z.unknown() })
export type HostCall = z.infer<typeof HostCall>
