/** NATS subjects: `weft.v1.host.<id>.…` goes down to a host, `weft.v1.ctl.<id>.<verb>` comes up from it. */
export const intentSubject = (host: string): string => `weft.v1.host.${host}.intent`
/** The controller tells a host that it should look at its position (heartbeat of the push side). */
export const pokeSubject = (host: string): string => `weft.v1.host.${host}.poke`
/** A controller's request to a host's agent: a verb of HOST_VERBS, or `*` for all of them. */
export const hostCallSubject = (host: string, verb: string): string => `weft.v1.host.${host}.call.${verb}`
export const agentSubject = (host: string, verb: string): string => `weft.v1.ctl.${host}.${verb}`
/** What controllers subscribe to, in the queue group below. */
export const AGENT_SUBJECTS = 'weft.v1.ctl.*.*'
export const CONTROLLER_QUEUE = 'controllers'

/** Host and verb out of a subject that matched {@link AGENT_SUBJECTS}. */
export function parseAgentSubject(subject: string): { host: string; verb: string } | undefined {
  const match = /^weft\.v1\.ctl\.([a-z0-9-]+)\.([a-z-]+)$/.exec(subject)
  return match?.[1] === undefined || match[2] === undefined ? undefined : { host: match[1], verb: match[2] }
}

/** The verb of a subject that matched {@link hostCallSubject}. */
export function parseHostCallSubject(subject: string): string | undefined {
  return /^weft\.v1\.host\.[a-z0-9-]+\.call\.([a-z-]+)$/.exec(subject)?.[1]
}
