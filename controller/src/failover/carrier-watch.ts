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

/** `mute`: its agent gives no sign, though others can be asked; its kernel may go on with what it has. */
export type Verdict = 'alive' | 'mute' | 'dead'

/** Rounds without a sign of life, and time since the last one, milliseconds. */
const SILENT_ROUNDS = 2
const SILENT_MS = 900

/** Since when there was no sign. */
interface Silence {
  since: number
  rounds: number
}

interface Seen {
  readonly any: Silence
  readonly agent: Silence
  /** Another host has heard it. */
  heardOnce: boolean
}

export class CarrierWatch {
  readonly #hosts = new Map<string, Seen>()

  /** Takes a round in. */
  note(host: string, { agent, heard, leased }: Round, now: number): Verdict {
    const seen = this.#hosts.get(host) ?? { any: silence(now), agent: silence(now), heardOnce: false }
    this.#hosts.set(host, seen)
    const isHeard = heard.includes(true)
    if (isHeard) seen.heardOnce = true
    if (agent) Object.assign(seen.agent, silence(now))
    if (agent || isHeard) Object.assign(seen.any, silence(now))
    if (agent || heard.length === 0) return 'alive'
    seen.agent.rounds++
    if (!isHeard) seen.any.rounds++
    if (isLong(seen.any, now) && (seen.heardOnce || !leased)) return 'dead'
    return isLong(seen.agent, now) ? 'mute' : 'alive'
  }

  /** Forgets hosts that carry nothing any more. */
  keep(hosts: ReadonlySet<string>): void {
    for (const host of this.#hosts.keys()) if (!hosts.has(host)) this.#hosts.delete(host)
  }
}

function silence(since: number): Silence {
  return { since, rounds: 0 }
}

function isLong({ since, rounds }: Silence, now: number): boolean {
  return rounds >= SILENT_ROUNDS && now - since >= SILENT_MS
}
