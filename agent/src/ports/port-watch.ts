/** Who listens on the host rings no doorbell: as long as ports lead to containers, it is looked at every few seconds. */
import type { HostPortClaim } from '@weft/shared'
import type { TakenPort } from '../plan/index.ts'

export interface PortWatchOptions {
  readonly claims: () => readonly HostPortClaim[]
  readonly listenersAt: (claims: readonly HostPortClaim[]) => Promise<readonly TakenPort[]>
  readonly onChanged: () => void
}

/** One look; rings when somebody came or went since the last. */
export function createPortWatch({ claims, listenersAt, onChanged }: PortWatchOptions): () => Promise<void> {
  let last = '[]'
  return async () => {
    const wanted = claims()
    const seen = wanted.length === 0 ? '[]' : JSON.stringify(await listenersAt(wanted))
    if (seen === last) return
    last = seen
    onChanged()
  }
}
