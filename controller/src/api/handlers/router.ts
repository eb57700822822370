import {
  connectRouter,
  createRouter,
  disconnectRouter,
  findRouter,
  relocateRouter,
  removeRouter,
  routerViews,
} from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function routerHandlers({ deps }: HandlerOptions): NounHandlers<'router'> {
  return {
    routerCreate: async ({ body }, { actor }) => {
      const reply = await createRouter(deps, body, actor)
      return { reply, revision: reply.revision }
    },
    routerList: (_, context) => readView(deps, context, routerViews),
    routerInspect: ({ params }, context) => readView(deps, context, (view) => findRouter(view, params.ref)),
    routerRemove: async ({ params, query }, { actor }) => {
      const reply = await removeRouter(deps, params.ref, query.req, actor)
      return { reply, revision: reply.revision }
    },
    routerConnect: async ({ params, body }, { actor }) => {
      const reply = await connectRouter(deps, { ...body, router: params.ref }, actor)
      return { reply, revision: reply.revision }
    },
    routerMove: async ({ params, body }, { actor }) => {
      const reply = await relocateRouter(deps, { ...body, router: params.ref }, actor)
      return { reply, revision: reply.revision }
    },
    routerDisconnect: async ({ params, query }, { actor }) => {
      const reply = await disconnectRouter(deps, { ...query, router: params.ref, network: params.network }, actor)
      return { reply, revision: reply.revision }
    },
  }
}
