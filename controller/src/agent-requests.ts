/**
 * The door for agents: a verb of AGENT_VERBS, a host and JSON text in, `{ok}` or `{error}` text out. The same over NATS
 * and over HTTP. Nothing that comes in here can throw: what is wrong is answered.
 */
import {
  AGENT_VERBS,
  type AgentReply,
  type AgentRequest,
  type AgentVerb,
  errorReply,
  HostId,
  okReply,
  parseJsonWith,
  parseWith,
  WeftError,
} from '@weft/shared'
import { checkDepth } from './json-depth.ts'
import type { Log } from './log.ts'

export type AgentHandlers = {
  readonly [V in AgentVerb]: (host: string, request: AgentRequest<V>) => Promise<AgentReply<V>>
}

export interface AgentDoorOptions {
  readonly handlers: AgentHandlers
  readonly log: Log
  /** Requests under way at once; more are refused, so that a storm of agents cannot fill the memory. */
  readonly mostUnderWay: number
}

export type AgentDoor = (host: string, verb: string, body: string) => Promise<string>

export function createAgentDoor({ handlers, log, mostUnderWay }: AgentDoorOptions): AgentDoor {
  let underWay = 0
  return async (host, verb, body) => {
    if (underWay >= mostUnderWay)
      return errorReply(new WeftError('unavailable', { what: 'too many requests at once', remedy: 'ask again' }))
    underWay++
    try {
      return okReply(await dispatch(handlers, host, verb, body))
    } catch (thrown) {
      const error = WeftError.from(thrown)
      if (error.code === 'internal') log.error({ host, verb, error: error.message }, 'agent request failed')
      else log.debug({ host, verb, error: error.message }, 'agent request refused')
      return errorReply(error)
    } finally {
      underWay--
    }
  }
}

async function dispatch(handlers: AgentHandlers, host: string, verb: string, body: string): Promise<unknown> {
  parseWith(HostId, host, 'host id')
  if (!isVerb(verb)) {
    const remedy = `there are ${Object.keys(AGENT_VERBS).join(', ')}`
    throw new WeftError('not_found', { what: 'no such verb', on: verb.slice(0, 64), remedy })
  }
  checkDepth(body)
  const request = parseJsonWith(AGENT_VERBS[verb].request, body, `${verb} request of ${host}`)
  // The table ties schema and handler of one verb together; the compiler cannot follow a verb known only at run time.
  const handler = handlers[verb] as (host: string, request: unknown) => Promise<unknown>
  return await handler(host, request)
}

function isVerb(verb: string): verb is AgentVerb {
  return Object.hasOwn(AGENT_VERBS, verb)
}
