/** Agents over the bus: one controller answers each request, and all of them hear what hosts say of themselves. */
import {
  AGENT_SUBJECTS,
  AGENT_VERBS,
  agentSubject,
  CONTROLLER_QUEUE,
  errorReply,
  parseAgentSubject,
  parseJsonWith,
  WeftError,
} from '@weft/shared'
import type { AgentDoor } from './agent-requests.ts'
import type { Bus, BusMessage } from './bus/index.ts'
import type { StatusReport } from './intents/board.ts'

/** @param heard every report of every host, whichever controller answers it */
export function serveAgents(bus: Bus, agent: AgentDoor, heard: (host: string, report: StatusReport) => void): void {
  bus.serve(AGENT_SUBJECTS, (message) => answer(agent, message), { queue: CONTROLLER_QUEUE })
  bus.serve(agentSubject('*', 'status'), (message) => listen(heard, message))
}

async function answer(agent: AgentDoor, { subject, text }: BusMessage): Promise<string> {
  const address = parseAgentSubject(subject)
  if (address !== undefined) return await agent(address.host, address.verb, text)
  return errorReply(new WeftError('invalid', { what: 'bad subject', on: subject.slice(0, 200), why: 'host and verb' }))
}

function listen(heard: (host: string, report: StatusReport) => void, { subject, text }: BusMessage): undefined {
  const host = parseAgentSubject(subject)?.host
  if (host === undefined) return
  try {
    heard(host, parseJsonWith(AGENT_VERBS.status.request, text, `status of ${host}`))
  } catch (error) {
    // Whoever sent it is told by the controller that answers the request; a listener has nobody to tell.
    if (WeftError.from(error).code !== 'invalid') throw error
  }
}
