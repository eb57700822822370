import type { HostPort } from '../host-port.ts'
import type { Log } from '../log.ts'

export interface EmbeddedOptions {
  /** Data folder, absolute. */
  readonly folder: string
  readonly natsListen: HostPort
  /** Certificate and key of NATS, PEM files; undefined for none. */
  readonly natsTls?: { readonly cert: string; readonly key: string } | undefined
  /** NATS user and password of controllers and agents. */
  readonly user: string
  readonly secret: string
  readonly etcdProgram: string
  readonly natsProgram: string
  /** A PATH in which programs given by name are looked for. */
  readonly searchPath: string
  readonly log: Log
  /** Which of the two to run; what the user has a cluster of is left out. */
  readonly parts: { readonly etcd: boolean; readonly nats: boolean }
}
