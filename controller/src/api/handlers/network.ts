import { createNetwork, findNetwork, networkViews, removeNetwork, updateNetwork } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function networkHandlers({ deps }: HandlerOptions): NounHandlers<'network'> {
  return {
    networkCreate: async ({ body }, { actor }) => {
      const reply = await createNetwork(deps, body, actor)
      return { reply, revision: reply.revision }
    },
    networkList: (_, context) => readView(deps, context, networkViews),
    networkInspect: ({ params }, context) => readView(deps, context, (view) => findNetwork(view, params.ref)),
    networkUpdate: async ({ params, body }, { actor }) => {
      const reply = await updateNetwork(deps, params.ref, body, actor)
      return { reply, revision: reply.network.revision }
    },
    networkRemove: async ({ params, query }, { actor }) => {
      const reply = await removeNetwork(deps, params.ref, query, actor)
      return { reply, revision: reply.revision }
    },
  }
}
