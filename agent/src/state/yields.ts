/** Addresses that this host is asked to give back. Pure. */
import type { AgentState } from './records.ts'

/**
 * Endpoints of stopped containers that the cluster wants back: they are to get another address at their next start, or
 * their name is started on another host. One that is starting again, or runs, is not given back.
 */
export function yieldingEndpoints({ entries, endpoints }: Pick<AgentState, 'entries' | 'endpoints'>): string[] {
  return [...endpoints.values()].flatMap(({ uid, phase }) => {
    const entry = entries.get(`endpoint/${uid}`)
    return phase === 'detached' && entry?.kind === 'endpoint' && entry.yields === true ? [uid] : []
  })
}
