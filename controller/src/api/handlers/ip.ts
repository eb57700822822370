import { addressPlan, releaseReservation, reserveAddresses } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function ipHandlers({ deps }: HandlerOptions): NounHandlers<'ip'> {
  return {
    ipList: ({ params }, context) => readView(deps, context, (view) => addressPlan(view, params.ref)),
    ipReserve: async ({ params, body }, { actor }) => {
      const reply = await reserveAddresses(deps, params.ref, body, actor)
      return { reply, revision: deps.cluster.current().revision }
    },
    ipRelease: async ({ params, query }, { actor }) =>
      await releaseReservation(deps, params.ref, params.what, query.req, actor),
  }
}
