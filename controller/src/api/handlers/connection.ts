import { CONNECT_MS, checkWishedAddresses, connectionView, hostOfContainer } from '../../connect.ts'
import { findNetwork } from '../../domain/index.ts'
import type { NounHandlers } from '../operations.ts'
import type { HandlerOptions } from './context.ts'

export function connectionHandlers({ deps, askHost }: HandlerOptions): NounHandlers<'connection'> {
  const view = () => deps.cluster.current()
  return {
    connectionMake: async ({ params, body: { host: named, ...wish } }) => {
      const network = findNetwork(view(), params.ref)
      checkWishedAddresses(network, wish)
      const host = await hostOfContainer({ askHost, view }, wish.container, named)
      const { container } = await askHost(host, 'network-connect', { ...wish, network: network.uid }, CONNECT_MS)
      return { reply: connectionView(host, container, network), revision: view().revision }
    },
    connectionEnd: async ({ params, body: { host: named, ...wish } }) => {
      const network = findNetwork(view(), params.ref)
      const host = await hostOfContainer({ askHost, view }, wish.container, named)
      const { container } = await askHost(host, 'network-disconnect', { ...wish, network: network.uid }, CONNECT_MS)
      return { reply: connectionView(host, container, network), revision: view().revision }
    },
  }
}
