import { CONNECT_MS, checkWishedAddresses } from '../../connect.ts'
import { findEndpoint, findHost, findNetwork } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import type { HandlerOptions } from './context.ts'

export function attachmentHandlers({ deps, askHost }: HandlerOptions): NounHandlers<'attachment'> {
  const view = () => deps.cluster.current()
  return {
    attachmentMake: async ({ params, body: { host: named, ...wish } }) => {
      const network = findNetwork(view(), params.ref)
      const { id: host } = findHost(view(), named)
      checkWishedAddresses(network, wish)
      const made = await askHost(host, 'attach', { ...wish, network: network.uid }, CONNECT_MS)
      const about = { host, network: { uid: network.uid, name: network.name } }
      return { reply: { ...made, ...about }, revision: view().revision }
    },
    attachmentEnd: async ({ params, body: { req } }) => {
      const { uid, host } = findEndpoint(view(), params.ref)
      await askHost(host, 'detach', { req, endpoint: uid }, CONNECT_MS)
      return { reply: { uid, host }, revision: view().revision }
    },
  }
}
