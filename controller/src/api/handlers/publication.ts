import { publicationViews, publish, unpublish } from '../../domain/index.ts'
import { checkPorts } from '../../publish-check.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function publicationHandlers({ deps, askHost }: HandlerOptions): NounHandlers<'publication'> {
  return {
    publicationCreate: async ({ body }, { actor }) => {
      const reply = await publish(deps, body, actor, (plan) => checkPorts(deps.cluster.current(), askHost, plan))
      return { reply, revision: reply.revision }
    },
    publicationList: ({ query }, context) => readView(deps, context, (view) => publicationViews(view, query.network)),
    publicationRemove: async ({ params, query }, { actor }) => {
      const reply = await unpublish(deps, params.ref, query.req, actor)
      return { reply, revision: reply.revision }
    },
  }
}
