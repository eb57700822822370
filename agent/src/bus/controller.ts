/**
 * What the agent can ask of a controller. One seam with two implementations: this one, and the throwaway controller of
 * the tests. A verb goes over NATS and, when NATS has no answer, over HTTP; every verb may be repeated.
 */
import { AGENT_VERBS, type AgentReply, type AgentRequest, type AgentVerb, readReply, WeftError } from '@weft/shared'
import type { z } from 'zod'
import type { Log } from '../log.ts'

export interface Controller {
  /**
   * @throws the controller's own error; `unavailable` or `deadline` when none answers within `timeoutMs`
   */
  ask<V extends AgentVerb>(verb: V, request: AgentRequest<V>, timeoutMs: number): Promise<AgentReply<V>>
}

export type Carry = (verb: string, text: string, timeoutMs: number) => Promise<string>

export interface ControllerOptions {
  readonly nats: Carry
  readonly http: Carry
  readonly log: Log
}

/** Share of the deadline that NATS gets. */
const NATS_SHARE = 0.5

export function createController({ nats, http, log }: ControllerOptions): Controller {
  return {
    async ask(verb, request, timeoutMs) {
      const text = JSON.stringify(request)
      const began = performance.now()
      try {
        return read(verb, await nats(verb, text, timeoutMs * NATS_SHARE))
      } catch (error) {
        const { retryable, message } = WeftError.from(error)
        if (!retryable) throw error
        log.debug({ verb, error: message }, 'asked over NATS in vain, trying HTTP')
      }
      return read(verb, await http(verb, text, Math.max(1, timeoutMs - (performance.now() - began))))
    },
  }
}

function read<V extends AgentVerb>(verb: V, text: string): AgentReply<V> {
  // The table ties a verb to its schema; the compiler does not follow the index.
  return readReply(AGENT_VERBS[verb].reply as z.ZodType, text, `reply to ${verb}`) as AgentReply<V>
}
