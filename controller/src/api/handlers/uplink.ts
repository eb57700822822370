import { setUplink, uplinkViews } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function uplinkHandlers({ deps }: HandlerOptions): NounHandlers<'uplink'> {
  return {
    uplinkList: (_, context) => readView(deps, context, uplinkViews),
    uplinkSet: async ({ params, body }, { actor }) => {
      const reply = await setUplink(deps, { ...params, ...body }, actor)
      return { reply, revision: deps.cluster.current().revision }
    },
  }
}
