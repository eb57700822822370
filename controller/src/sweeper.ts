/** The leader's sweeping: quarantines that are over, endpoints that their host does not know any more. */
import { type DomainDeps, newSweepMemory, sweep } from './domain/index.ts'
import type { Log } from './log.ts'

/** One pass; does nothing, and forgets what it remembered, while another leads: a memory is of one term only. */
export function sweeper(deps: DomainDeps, leads: () => boolean, log: Log): () => Promise<void> {
  let memory = newSweepMemory()
  return async () => {
    if (!leads()) {
      memory = newSweepMemory()
      return
    }
    const { freed, leaked } = await sweep(deps, memory)
    if (freed > 0) log.debug({ freed }, 'quarantines ended')
    if (leaked.length > 0) log.warn({ endpoints: leaked }, 'endpoints taken back that their hosts do not know')
  }
}
