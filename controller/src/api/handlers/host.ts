import { allowRemovals, findHost, hostViews, removeHost } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function hostHandlers({ deps }: HandlerOptions): NounHandlers<'host'> {
  return {
    hostAllowRemovals: async ({ params, body }, { actor }) => {
      const reply = await allowRemovals(deps, params.ref, body.req, actor)
      return { reply, revision: deps.cluster.current().revision }
    },
    hostList: (_, context) => readView(deps, context, hostViews),
    hostRemove: async ({ params, query }, { actor }) => {
      const reply = await removeHost(deps, params.id, query, actor)
      return { reply, revision: reply.revision }
    },
    hostInspect: ({ params }, context) => readView(deps, context, (view) => findHost(view, params.ref)),
  }
}
