/** The leader's care for hosts' shims: soon after a change that may ask for one, and every second for what went wrong. */
import { type ClusterChange, type DomainDeps, keepShims, type RecordChange } from './domain/index.ts'
import { every, type Timer } from './every.ts'
import type { Log } from './log.ts'
import type { Compare } from './store/kv.ts'

const EVERY_MS = 1_000
/** Records that say which shims there should be. */
const ASKING: ReadonlySet<RecordChange['kind']> = new Set(['network', 'host', 'publication'])

/** Starts it; the timer's `idle` waits for a pass under way. It hears of changes until the signal. */
export function keepShimsInPlace(
  deps: DomainDeps,
  leading: () => Compare | undefined,
  log: Log,
  signal: AbortSignal,
): Timer {
  const pass = async () => {
    const guard = leading()
    if (guard === undefined) return
    const { made, ended, failures } = await keepShims(deps, guard)
    if (made + ended > 0) log.info({ made, ended }, 'host shims kept')
    for (const { message } of failures) log.warn({ error: message }, 'host shim not made')
  }
  const timer = every(EVERY_MS, pass, log)
  void wakeOnChanges(deps.cluster.changes(signal), timer)
  return timer
}

async function wakeOnChanges(changes: AsyncIterable<ClusterChange>, timer: Timer): Promise<void> {
  for await (const { reset, records } of changes)
    if (reset || records.some(({ kind }) => ASKING.has(kind))) timer.wake()
}
