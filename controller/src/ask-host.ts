/** A controller's request to a host's agent: a verb of HOST_VERBS, over NATS only, since HTTP goes the other way. */
import {
  HOST_VERBS,
  type HostReply,
  type HostRequest,
  type HostVerb,
  hostCallSubject,
  readReply,
  WeftError,
} from '@weft/shared'
import type { z } from 'zod'
import { type ClusterView, hostByRef } from './domain/index.ts'

/**
 * @throws the agent's own error; `not_found` for a host that there is not; `unavailable` when its agent is not on NATS,
 * `deadline` when it does not answer within `timeoutMs`
 */
export type AskHost = <V extends HostVerb>(
  host: string,
  verb: V,
  request: HostRequest<V>,
  timeoutMs: number,
) => Promise<HostReply<V>>

/** @throws `unavailable` when nobody serves the subject, `deadline` when nobody answers in time */
export type Carry = (subject: string, text: string, timeoutMs: number) => Promise<string>

export function createAskHost({ view, carry }: { view: () => ClusterView; carry: Carry }): AskHost {
  return async (host, verb, request, timeoutMs) => {
    const cluster = view()
    const { id, instance } = hostByRef(cluster, host).value
    const text = await carry(hostCallSubject(id, verb), JSON.stringify({ instance, request }), timeoutMs).catch(
      (thrown: unknown) => {
        throw unanswered(id, verb, WeftError.from(thrown))
      },
    )
    // The table ties a verb to its schema; the compiler does not follow the index.
    return readReply(HOST_VERBS[verb].reply as z.ZodType, text, `answer of ${id} to ${verb}`) as HostReply<typeof verb>
  }
}

/** What it may have done although no answer came is said; nobody served it: nothing was done. */
function unanswered(host: string, verb: HostVerb, { code, message, parts }: WeftError): WeftError {
  const remedy = `see weft doctor ${host}`
  const what = code === 'deadline' ? 'the agent does not answer' : 'the agent cannot be asked over NATS'
  const ambiguous = code === 'deadline' ? { ambiguous: true } : {}
  return new WeftError(code, { what, on: `${host} (${verb})`, why: parts.why ?? message, remedy, ...ambiguous })
}
