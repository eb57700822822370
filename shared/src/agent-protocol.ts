/**
 * What an agent asks of a controller, over NATS requests or, when NATS is gone, HTTP `POST /v1/agent/<host>/<verb>`.
 * One table: the agent's client, the controller's handlers and their tests are made from it.
 * A reply is `{ok: …}` or `{error: ErrorBody}`.
 */
import { z } from 'zod'
import { EGRESS_MODES, EndpointSpec } from './intent/entry.ts'
import { IntentPage, Position } from './intent/intent.ts'
import { PublishedPort } from './intent/publication.ts'
import { IpText } from './words/address-text.ts'
import { HostFacts } from './words/host-facts.ts'
import { EndpointName, Mac, Name, RequestId, Uid } from './words/names.ts'

/** Which incarnation of an agent speaks: the controller refuses all but the last that joined (TRUTH.md T8). */
const Fence = { epoch: z.number().int(), instance: z.string() }

/** One thing that keeps a host from its intent. */
export const HostProblem = z.strictObject({
  code: z.string(),
  message: z.string().max(2000),
  network: Uid.optional(),
  remedy: z.string().max(1000).optional(),
})
export type HostProblem = z.infer<typeof HostProblem>

/** Ports of one container that are told of. */
export const MOST_PORTS = 256

export const EndpointReport = z.strictObject({
  uid: Uid,
  /** `attached`: has an interface. `detached`: its container is stopped and keeps its addresses. */
  state: z.enum(['attached', 'detached']),
  name: EndpointName.optional(),
  aliases: z.array(EndpointName).max(64),
  containerId: z.string().max(64).optional(),
  dockerEndpointId: z.string().max(64).optional(),
  /** Ports of the host that lead to it (`docker run -p`), where Weft opens them. */
  ports: z.array(PublishedPort).max(MOST_PORTS).optional(),
  /** The network's way out when Docker started the container, and the one that it has now where that is another. */
  joinedEgress: z.enum(EGRESS_MODES).optional(),
  egress: z.enum(EGRESS_MODES).optional(),
})
export type EndpointReport = z.infer<typeof EndpointReport>

export const AGENT_VERBS = {
  /** Says who and where one is; answers the epoch under which to speak. Conflict while another instance lives. */
  join: {
    request: z.strictObject({ instance: z.string().min(8).max(64), facts: HostFacts }),
    reply: z.strictObject({ cluster: z.string(), incarnation: z.number().int(), epoch: z.number().int() }),
  },
  /** Every heartbeat, and at once when something changed. `facts` only when they changed. */
  status: {
    request: z.strictObject({
      ...Fence,
      accepted: Position,
      /** Revision that the kernel and Docker were last seen to match, without a problem. */
      applied: z.number().int(),
      problems: z.array(HostProblem).max(200),
      facts: HostFacts.optional(),
    }),
    reply: z.strictObject({ target: Position }),
  },
  /** A page of the whole intent. `position` of the first page is given back with the following offsets. */
  resync: {
    request: z.strictObject({
      ...Fence,
      offset: z.number().int().nonnegative(),
      revision: z.number().int().optional(),
    }),
    reply: IntentPage,
  },
  /**
   * One address (T1), and with it an endpoint; by request id, so that a retry gets the same one. Who has a reservation in
   * the network gets all of it (T2).
   */
  claim: {
    request: z.strictObject({
      ...Fence,
      req: RequestId,
      network: Uid,
      subnet: Uid,
      address: IpText.optional(),
      mac: Mac.optional(),
      /** Containers that may be the asker, by name: several when it does not show, none when nothing shows. */
      names: z.array(EndpointName).max(1000).optional(),
    }),
    /** `reservedFor`: the name whose reservation it is. */
    reply: z.strictObject({ endpoint: EndpointSpec, reservedFor: EndpointName.optional() }),
  },
  /** Makes one endpoint of several claims (dual stack: one a family) and settles an asked-for MAC. */
  bind: {
    request: z.strictObject({
      ...Fence,
      req: RequestId,
      endpoint: Uid,
      merge: z.array(Uid).max(8),
      mac: Mac.optional(),
      dockerEndpointId: z.string().max(64),
    }),
    reply: z.strictObject({ endpoint: EndpointSpec }),
  },
  /** What the host's endpoints are now. `complete` lists them all: what is missing may be swept after a grace. */
  report: {
    request: z.strictObject({ ...Fence, complete: z.boolean(), endpoints: z.array(EndpointReport).max(5000) }),
    reply: z.strictObject({ unknown: z.array(Uid) }),
  },
  /** The host has withdrawn these endpoints; their addresses go to quarantine (T3, T4). Absent ones count as released. */
  release: {
    request: z.strictObject({ ...Fence, req: RequestId, endpoints: z.array(Uid).max(500) }),
    reply: z.strictObject({ released: z.array(Uid) }),
  },
} as const satisfies Record<string, { request: z.ZodType; reply: z.ZodType }>

export type AgentVerb = keyof typeof AGENT_VERBS
export type AgentRequest<V extends AgentVerb> = z.infer<(typeof AGENT_VERBS)[V]['request']>
export type AgentReply<V extends AgentVerb> = z.infer<(typeof AGENT_VERBS)[V]['reply']>

/** The host id that a verb is addressed with, validated like every name. */
export const HostId = Name
