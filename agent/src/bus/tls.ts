/** TLS towards NATS. */
import tls from 'node:tls'
import { checkAnyHost } from '@weft/shared'

/** With these the client refuses a server that offers no TLS; none of them for servers that are all `nats://`. */
export function natsTlsOptions(servers: readonly string[], ca: string | undefined) {
  if (!servers.some((server) => server.startsWith('tls:'))) return {}
  const checkServerIdentity = checkAnyHost(servers, tls.checkServerIdentity)
  return { tls: { ...(ca === undefined ? {} : { ca }), checkServerIdentity } }
}
