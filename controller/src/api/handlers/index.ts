/** What each operation of the API does, from one file a noun: one call into the domain, or one look at the cluster. */
import { eventsOf } from '../../domain/index.ts'
import type { Handlers } from '../operations.ts'
import { attachmentHandlers } from './attachment.ts'
import { connectionHandlers } from './connection.ts'
import type { HandlerOptions } from './context.ts'
import { dnsHandlers } from './dns.ts'
import { endpointHandlers } from './endpoint.ts'
import { hostHandlers } from './host.ts'
import { importHandlers } from './import.ts'
import { ipHandlers } from './ip.ts'
import { networkHandlers } from './network.ts'
import { publicationHandlers } from './publication.ts'
import { routerHandlers } from './router.ts'
import { statusHandlers } from './status.ts'
import { uplinkHandlers } from './uplink.ts'

export type { HandlerOptions } from './context.ts'

export function createHandlers(options: HandlerOptions): Handlers {
  const { deps, version, doctor, trace } = options
  return {
    ...networkHandlers(options),
    ...connectionHandlers(options),
    ...ipHandlers(options),
    ...importHandlers(options),
    ...attachmentHandlers(options),
    ...endpointHandlers(options),
    ...dnsHandlers(options),
    ...hostHandlers(options),
    ...uplinkHandlers(options),
    ...publicationHandlers(options),
    ...routerHandlers(options),
    ...statusHandlers(options),
    doctor: async ({ body }) => ({ reply: await doctor(body), revision: deps.cluster.current().revision }),
    trace: async ({ body }) => ({ reply: await trace(body), revision: deps.cluster.current().revision }),
    async *events(_, context) {
      for await (const change of deps.cluster.changes(context.signal)) yield* eventsOf(change)
    },
    version: async () => {
      const { cluster, revision } = deps.cluster.current()
      return { reply: { version, cluster: cluster ?? '' }, revision }
    },
  }
}
