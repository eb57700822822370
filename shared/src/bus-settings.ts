/**
 * How controllers and agents connect to NATS, the same for both: never give up, notice black holes (FACTS.md N2 to N6).
 * Data only; who connects hands it to the client, with the platform's check of certificates.
 */
import { checkAnyHost } from './server-identity.ts'

/** NATS user of controllers and agents. */
export const BUS_USER = 'weft'

export interface BusTarget<C> {
  /** `nats://host:port` or, all of them with TLS, `tls://host:port`. */
  readonly servers: readonly string[]
  readonly user: string
  readonly password: string
  /** Shown by the server in its connection list. */
  readonly name: string
  /** CA of servers with TLS, PEM text; the system's unless given. */
  readonly ca?: string | undefined
  /** `tls.checkServerIdentity`. */
  readonly checkServerIdentity: (host: string, certificate: C) => Error | undefined
}

export function busSettings<C>({ servers, user, password, name, ca, checkServerIdentity }: BusTarget<C>) {
  const withTls = servers.some((server) => server.startsWith('tls:'))
  return {
    servers: [...servers],
    user,
    pass: password,
    name,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    reconnectTimeWait: 250,
    reconnectJitter: 500,
    pingInterval: 5_000,
    maxPingOut: 2,
    timeout: 5_000,
    // With these the client refuses a server that offers no TLS.
    ...(withTls
      ? {
          tls: { ...(ca === undefined ? {} : { ca }), checkServerIdentity: checkAnyHost(servers, checkServerIdentity) },
        }
      : {}),
  }
}
