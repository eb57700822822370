import type { Clock, RandomText } from '@weft/shared'
import type { Kv } from '../store/kv.ts'
import type { ClusterCache } from './cluster-cache.ts'

/** What every use case works with. */
export interface DomainDeps {
  readonly kv: Kv
  readonly cluster: ClusterCache
  readonly clock: Clock
  readonly randomText: RandomText
  /** How long a released address rests before it is chosen for somebody else, milliseconds; 0 for not at all. */
  readonly quarantineMs: number
  /** Waits so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>
}

/** Now, as records keep it. */
export function nowText(clock: Clock): string {
  return timeText(clock.now())
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
