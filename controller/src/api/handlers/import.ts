import { WeftError } from '@weft/shared'
import { findHost, findNetwork } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import type { HandlerOptions } from './context.ts'

const LOOK_MS = 5_000
/** Below the API's own deadline: who asks hears that it goes on. */
const MOVE_MS = 15_000

export function importHandlers({ deps, askHost }: HandlerOptions): NounHandlers<'import'> {
  const view = () => deps.cluster.current()
  const look = async (host: string, network: string) => {
    const { found } = await askHost(host, 'docker-network', { network }, LOOK_MS)
    if (found !== null) return found
    throw new WeftError('not_found', {
      what: `host ${host} has no such Docker network`,
      on: network,
      why: 'networks of Weft, which it has as well, are the cluster’s already',
      remedy: 'see docker network ls there',
    })
  }
  return {
    importLook: async ({ params }) => {
      const { id } = findHost(view(), params.host)
      return { reply: await look(id, params.network), revision: view().revision }
    },
    importMove: async ({ params, body: { req, to } }) => {
      const { id } = findHost(view(), params.host)
      const network = findNetwork(view(), to).uid
      const reply = await askHost(id, 'take-over', { req, network, from: params.network }, MOVE_MS)
      return { reply, revision: view().revision }
    },
  }
}
