import type { NounHandlers } from '../operations.ts'
import { currentStatus, DEFAULT_WAIT_MS, waitForStatus } from '../status.ts'
import { catchesUp, type HandlerOptions } from './context.ts'

export function statusHandlers({ deps, status }: HandlerOptions): NounHandlers<'status'> {
  const now = () => deps.cluster.current().revision
  return {
    status: async ({ query }, context) => {
      const stale = !(await catchesUp(deps, context.signal))
      if (query.wait !== true) return { reply: currentStatus(status), revision: now(), ...(stale ? { stale } : {}) }
      const revision = query.revision ?? now()
      const reply = await waitForStatus(status, revision, query.timeoutMs ?? DEFAULT_WAIT_MS, context.signal)
      return { reply, revision: reply.revision }
    },
  }
}
