/** The leader's sweeping: quarantines that are over, endpoints that their host does not know any more. */
import { type DomainDeps, newSweepMemory, sweep } from './domain/index.ts'
import type { Log } from './log.ts'
import type { Compare } from './store/kv.ts'

/** One pass; does nothing, and forgets what it remembered, while another leads: a memory is of one term only. */
export function sweeper(deps: DomainDeps, leading: () => Compare | undefined, log: Log): () => Promise<void> {
  let memory = newSweepMemory()
  return async () => {
    const guard = leading()
    if (guard === undefined) {
      memory = newSweepMemory()
      return
    }
    const { freed, leaked, forgotten } = await sweep(deps, memory, guard)
    if (freed > 0) log.debug({ freed }, 'quarantines ended')
    if (forgotten > 0) log.debug({ forgotten }, 'old audit records removed')
    if (leaked.length > 0) log.warn({ endpoints: leaked }, 'endpoints taken back that their hosts do not know')
  }
}
