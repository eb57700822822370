/**
 * Which hosts that carry routers are dead, out of what their agents and the other hosts say of them. Pure; time is passed in.
 *
 * Invariants
 * - A host whose agent answers is alive, and so is one whose kernel answers any other host: an agent that was killed, or cut off
 *   from the control plane, moves nothing.
 * - Silence alone says nothing: at least one other host must have looked and heard nothing. A control plane that reaches no
 *   agent knows of no dead host.
 * - Where no other host ever heard it (its firewall may drop echoes), it counts as dead only once its agent's lease is over.
 */

/** What one round told of a host. */
export interface Round {
  /** Its agent answered us. */
  readonly agent: boolean
  /** Whether it answered each of the hosts that answered us. */
  readonly heard: readonly boolean[]
  /** Its agent's lease still runs. */
  readonly leased: boolean
}

/** Rounds without a sign of life, and time since the last one, milliseconds. */
const SILENT_ROUNDS = 2
const SILENT_MS = 900

interface Seen {
  aliveAt: number
  silentRounds: number
  /** Another host has heard it. */
  heardOnce: boolean
}

export class CarrierWatch {
  readonly #hosts = new Map<string, Seen>()

  /** Takes a round in. True when the host is dead. */
  note(host: string, { agent, heard, leased }: Round, now: number): boolean {
    const seen = this.#hosts.get(host) ?? { aliveAt: now, silentRounds: 0, heardOnce: false }
    this.#hosts.set(host, seen)
    const isHeard = heard.includes(true)
    if (isHeard) seen.heardOnce = true
    if (agent || isHeard) {
      seen.aliveAt = now
      seen.silentRounds = 0
      return false
    }
    if (heard.length === 0) return false
    seen.silentRounds++
    if (!seen.heardOnce && leased) return false
    return seen.silentRounds >= SILENT_ROUNDS && now - seen.aliveAt >= SILENT_MS
  }

  /** Forgets hosts that carry nothing any more. */
  keep(hosts: ReadonlySet<string>): void {
    for (const host of this.#hosts.keys()) if (!hosts.has(host)) this.#hosts.delete(host)
  }
}
