/**
 * The door for controllers: a verb of HOST_VERBS and JSON text in, `{ok}` or `{error}` text out. Nothing that comes in
 * here can throw. A request for another agent of this host's name (its `instance` differs) is not carried out.
 */
import {
  errorReply,
  HOST_VERBS,
  HostCall,
  type HostReply,
  type HostRequest,
  type HostVerb,
  okReply,
  parseJsonWith,
  parseWith,
  WeftError,
} from '@weft/shared'
import type { Log } from './log.ts'

export interface HostHandler<V extends HostVerb> {
  answer(request: HostRequest<V>): Promise<HostReply<V>>
  /** What to answer to a request for a twin; without it, or for undefined, we keep silent. */
  answerForTwin?(request: HostRequest<V>): HostReply<V> | undefined
}
export type HostHandlers = { readonly [V in HostVerb]: HostHandler<V> }

export interface HostDoorOptions {
  readonly handlers: HostHandlers
  /** Our own, as the host's record should have it. */
  readonly instance: () => string
  readonly log: Log
}

/** Requests under way at once; more are refused, so that no controller can fill a host's memory. */
const MOST_UNDER_WAY = 256

export function createHostDoor({ handlers, instance, log }: HostDoorOptions) {
  let underWay = 0
  return async (verb: string, text: string): Promise<string | undefined> => {
    if (underWay >= MOST_UNDER_WAY)
      return errorReply(new WeftError('unavailable', { what: 'too many requests at once', remedy: 'ask again' }))
    underWay++
    try {
      const reply = await dispatch(handlers, instance(), verb, text)
      return reply === undefined ? undefined : okReply(reply)
    } catch (thrown) {
      const error = WeftError.from(thrown)
      log.warn({ verb, error: error.message }, 'request of a controller not carried out')
      return errorReply(error)
    } finally {
      underWay--
    }
  }
}

async function dispatch(handlers: HostHandlers, own: string, verb: string, text: string): Promise<unknown> {
  if (!isVerb(verb)) {
    const why = 'agent and controller are of different versions'
    throw new WeftError('unsupported', { what: 'no such request', on: verb.slice(0, 64), why, remedy: 'update weft' })
  }
  const what = `${verb} request of the controller`
  const call = parseJsonWith(HostCall, text, what)
  // The table ties schema and handler of one verb together; the compiler cannot follow a verb known only at run time.
  const handler = handlers[verb] as unknown as HostHandler<HostVerb>
  const request = parseWith(HOST_VERBS[verb].request, call.request, what) as HostRequest<HostVerb>
  return call.instance === own ? await handler.answer(request) : handler.answerForTwin?.(request)
}

function isVerb(verb: string): verb is HostVerb {
  return Object.hasOwn(HOST_VERBS, verb)
}
