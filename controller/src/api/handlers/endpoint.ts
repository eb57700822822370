import { type ClusterView, endpointViews, findEndpoint, findHost, findNetwork } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function endpointHandlers({ deps }: HandlerOptions): NounHandlers<'endpoint'> {
  return {
    endpointList: ({ query }, context) => readView(deps, context, (view) => endpointViews(view, filterOf(view, query))),
    endpointInspect: ({ params }, context) => readView(deps, context, (view) => findEndpoint(view, params.ref)),
  }
}

/** The filter's names as what they name. @throws `not_found` */
function filterOf(view: ClusterView, query: { network?: string | undefined; host?: string | undefined }) {
  const network = query.network === undefined ? undefined : findNetwork(view, query.network).uid
  const host = query.host === undefined ? undefined : findHost(view, query.host).id
  return { network, host }
}
