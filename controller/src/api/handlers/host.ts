import { findHost, hostViews } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function hostHandlers({ deps }: HandlerOptions): NounHandlers<'host'> {
  return {
    hostList: (_, context) => readView(deps, context, hostViews),
    hostInspect: ({ params }, context) => readView(deps, context, (view) => findHost(view, params.ref)),
  }
}
