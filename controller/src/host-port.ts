/** Addresses on which the controller listens. */
import type { HostPort } from '@weft/shared'

export { formatHostPort, type HostPort, parseHostPort } from '@weft/shared'

/** Where a client on this machine reaches a server that listens there: any-address becomes loopback. */
export function reachable(listen: HostPort): HostPort {
  const host = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host
  return { host, port: listen.port }
}
