/** What handlers need, and how they read. */
import { type DoctorCall, type DoctorView, type TraceCall, type TraceView, WeftError } from '@weft/shared'
import type { AskHost } from '../../ask-host.ts'
import type { ClusterView, DomainDeps } from '../../domain/index.ts'
import type { Answer, RequestContext } from '../operations.ts'
import type { StatusSource } from '../status.ts'

export interface HandlerOptions {
  readonly deps: DomainDeps
  readonly status: StatusSource
  readonly version: string
  /** For what a host's agent alone can do. */
  readonly askHost: AskHost
  readonly doctor: (call: DoctorCall) => Promise<DoctorView>
  readonly trace: (call: TraceCall) => Promise<TraceView>
}

/** How long a read waits for etcd before it answers with what is known, milliseconds. */
const FRESH_WITHIN_MS = 2_000

/** Answers from the view at what etcd had acknowledged when asked; from the last known one when etcd does not answer. */
export async function readView<T>(
  deps: DomainDeps,
  context: RequestContext,
  look: (view: ClusterView) => T,
): Promise<Answer<T>> {
  const stale = !(await catchesUp(deps, context.signal))
  const view = deps.cluster.current()
  return { reply: look(view), revision: view.revision, ...(stale ? { stale } : {}) }
}

/** True when the cache holds all that etcd had; false when etcd does not answer. */
export async function catchesUp(deps: DomainDeps, signal: AbortSignal): Promise<boolean> {
  try {
    await deps.cluster.newest(AbortSignal.any([signal, AbortSignal.timeout(FRESH_WITHIN_MS)]))
    return true
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (signal.aborted || !error.retryable) throw error
    return false
  }
}
