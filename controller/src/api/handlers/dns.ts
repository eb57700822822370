import { lookUpName } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import { type HandlerOptions, readView } from './context.ts'

export function dnsHandlers({ deps }: HandlerOptions): NounHandlers<'dns'> {
  return {
    dnsLookup: ({ params, query }, context) =>
      readView(deps, context, (view) => lookUpName(view, params.name, query.network)),
  }
}
