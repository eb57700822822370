import { allowRemovals, findHost, hostViews } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function hostHandlers({ deps }: HandlerOptions): NounHandlers<'host'> {
  return {
    hostAllowRemovals: async ({ params, body }, { actor }) => {
      const reply = await allowRemovals(deps, params.ref, body.req, actor)
      return { reply, revision: deps.cluster.current().revision }
    },
    hostList: (_, context) => readView(deps, context, hostViews),
    hostInspect: ({ params }, context) => readView(deps, context, (view) => findHost(view, params.ref)),
  }
}
