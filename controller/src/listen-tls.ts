/** TLS of what the controller listens on, API and embedded NATS: which files, and where it may be left out. */
import { isLoopbackHost, WeftError } from '@weft/shared'
import { formatHostPort, type HostPort } from './host-port.ts'

export interface ListenTlsFiles {
  /** The server's certificate and, behind it, its CA's. */
  readonly cert: string
  readonly key: string
}

interface Settings {
  readonly listen: HostPort
  readonly 'nats-listen': HostPort
  readonly 'tls-cert'?: string | undefined
  readonly 'tls-key'?: string | undefined
  readonly insecure: boolean
}

/**
 * The files of the configuration; undefined for none.
 * @throws `invalid` for one file without the other, and for listening beyond loopback without them
 */
export function listenTlsOf(settings: Settings, embeddedNats: boolean): ListenTlsFiles | undefined {
  const { 'tls-cert': cert, 'tls-key': key, insecure, listen } = settings
  if (cert !== undefined && key !== undefined) return { cert, key }
  if (cert !== undefined || key !== undefined) {
    const [given, absent] = cert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key']
    const why = `${given} without ${absent}`
    throw new WeftError('invalid', { what: 'TLS in part', on: cert ?? key ?? '', why, remedy: 'give both, PEM files' })
  }
  const open = [listen, ...(embeddedNats ? [settings['nats-listen']] : [])].find(({ host }) => !isLoopbackHost(host))
  if (open === undefined || insecure) return undefined
  throw new WeftError('invalid', {
    what: 'listening without TLS',
    on: formatHostPort(open),
    why: 'the shared secret would cross the network in clear',
    remedy:
      'set it up with weft controller init, or give --tls-cert and --tls-key (or --insecure, for a closed network)',
  })
}

/** @throws `invalid` naming the flag and the file that cannot be read */
export function readPem(flag: string, file: string, readFile: (file: string) => string): string {
  try {
    return readFile(file)
  } catch (cause) {
    const remedy = 'weft controller init makes it, or name another file'
    throw new WeftError('invalid', {
      what: `file of ${flag} not read`,
      on: file,
      why: (cause as Error).message,
      remedy,
      cause,
    })
  }
}
