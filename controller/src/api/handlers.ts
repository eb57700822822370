/** What each operation of the API does: one call into the domain, or one look at the cluster. */
import { type DoctorCall, type DoctorView, WeftError } from '@weft/shared'
import {
  type ClusterView,
  createNetwork,
  type DomainDeps,
  endpointViews,
  eventsOf,
  findEndpoint,
  findHost,
  findNetwork,
  hostViews,
  lookUpName,
  networkViews,
  removeNetwork,
  setUplink,
  uplinkViews,
} from '../domain/index.ts'
import type { Answer, Handlers, RequestContext } from './operations.ts'
import { currentStatus, DEFAULT_WAIT_MS, type StatusSource, waitForStatus } from './status.ts'

export interface HandlerOptions {
  readonly deps: DomainDeps
  readonly status: StatusSource
  readonly version: string
  readonly doctor: (call: DoctorCall) => Promise<DoctorView>
}

/** How long a read waits for etcd before it answers with what is known, milliseconds. */
const FRESH_WITHIN_MS = 2_000

export function createHandlers({ deps, status, version, doctor }: HandlerOptions): Handlers {
  /** Answers from the view at what etcd had acknowledged when asked; from the last known one when etcd does not answer. */
  const read = async <T>(context: RequestContext, look: (view: ClusterView) => T): Promise<Answer<T>> => {
    const stale = !(await catchesUp(deps, context.signal))
    const view = deps.cluster.current()
    return { reply: look(view), revision: view.revision, ...(stale ? { stale } : {}) }
  }
  const now = () => deps.cluster.current().revision

  return {
    networkCreate: async ({ body }, { actor }) => {
      const reply = await createNetwork(deps, body, actor)
      return { reply, revision: reply.revision }
    },
    networkList: (_, context) => read(context, (view) => networkViews(view)),
    networkInspect: ({ params }, context) => read(context, (view) => findNetwork(view, params.ref)),
    networkRemove: async ({ params, query }, { actor }) => {
      const reply = await removeNetwork(deps, params.ref, query.req, actor)
      return { reply, revision: reply.revision }
    },
    endpointList: ({ query }, context) => read(context, (view) => endpointViews(view, filterOf(view, query))),
    endpointInspect: ({ params }, context) => read(context, (view) => findEndpoint(view, params.ref)),
    dnsLookup: ({ params, query }, context) => read(context, (view) => lookUpName(view, params.name, query.network)),
    hostList: (_, context) => read(context, (view) => hostViews(view)),
    hostInspect: ({ params }, context) => read(context, (view) => findHost(view, params.ref)),
    uplinkList: (_, context) => read(context, (view) => uplinkViews(view)),
    uplinkSet: async ({ params, body }, { actor }) => {
      const reply = await setUplink(deps, { ...params, ...body }, actor)
      return { reply, revision: now() }
    },
    status: async ({ query }, context) => {
      const stale = !(await catchesUp(deps, context.signal))
      if (query.wait !== true) return { reply: currentStatus(status), revision: now(), ...(stale ? { stale } : {}) }
      const revision = query.revision ?? now()
      const reply = await waitForStatus(status, revision, query.timeoutMs ?? DEFAULT_WAIT_MS, context.signal)
      return { reply, revision: reply.revision }
    },
    doctor: async ({ body }) => ({ reply: await doctor(body), revision: now() }),
    async *events(_, context) {
      for await (const change of deps.cluster.changes(context.signal)) yield* eventsOf(change)
    },
    version: async () => {
      const { cluster, revision } = deps.cluster.current()
      return { reply: { version, cluster: cluster ?? '' }, revision }
    },
  }
}

/** The filter's names as what they name. @throws `not_found` */
function filterOf(view: ClusterView, query: { network?: string | undefined; host?: string | undefined }) {
  const network = query.network === undefined ? undefined : findNetwork(view, query.network).uid
  const host = query.host === undefined ? undefined : findHost(view, query.host).id
  return { network, host }
}

/** True when the cache holds all that etcd had; false when etcd does not answer. */
async function catchesUp(deps: DomainDeps, signal: AbortSignal): Promise<boolean> {
  try {
    await deps.cluster.newest(AbortSignal.any([signal, AbortSignal.timeout(FRESH_WITHIN_MS)]))
    return true
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (signal.aborted || !error.retryable) throw error
    return false
  }
}
