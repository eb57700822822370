/** TLS to an etcd cluster of the user's: which files, and their texts. */
import { WeftError } from '@weft/shared'

export interface EtcdTlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** A name in etcd's certificate, for endpoints that are addresses. */
  readonly serverName?: string
}

interface Settings {
  readonly etcd: readonly string[]
  readonly 'etcd-ca'?: string | undefined
  readonly 'etcd-cert'?: string | undefined
  readonly 'etcd-key'?: string | undefined
  readonly 'etcd-server-name'?: string | undefined
}

/**
 * The files of the configuration; undefined for plain HTTP. TLS is always mutual: the certificate's CN is the user.
 * @throws `invalid` for TLS in part, without an https endpoint, or an https endpoint without it
 */
export function etcdTlsOf(settings: Settings): EtcdTlsFiles | undefined {
  const { 'etcd-ca': ca, 'etcd-cert': cert, 'etcd-key': key, 'etcd-server-name': serverName } = settings
  const secure = settings.etcd.filter((url) => url.startsWith('https:'))
  if ([ca, cert, key, serverName].every((one) => one === undefined) && secure.length === 0) return undefined
  const plain = settings.etcd.find((url) => !url.startsWith('https:'))
  if (plain !== undefined || secure.length === 0) {
    throw new WeftError('invalid', {
      what: 'TLS to etcd',
      on: plain ?? 'no --etcd',
      why: 'files for TLS are given, or other endpoints have it, and this one has not',
      remedy: 'name every endpoint as --etcd https://…; the embedded etcd needs no TLS',
    })
  }
  if (ca === undefined || cert === undefined || key === undefined) {
    const absent = Object.entries({ ca, cert, key }).flatMap(([name, file]) => (file === undefined ? [name] : []))
    throw new WeftError('invalid', {
      what: 'TLS to etcd',
      on: secure.join(', '),
      why: `no ${absent.map((name) => `--etcd-${name}`).join(', ')}`,
      remedy: 'give --etcd-ca, --etcd-cert and --etcd-key, PEM files all',
    })
  }
  return { ca, cert, key, ...(serverName === undefined ? {} : { serverName }) }
}

/** @throws `invalid` naming the flag and the file that cannot be read */
export function readEtcdTls(files: EtcdTlsFiles, readFile: (file: string) => string): EtcdTlsFiles {
  const read = (name: 'ca' | 'cert' | 'key'): string => {
    try {
      return readFile(files[name])
    } catch (cause) {
      const why = (cause as Error).message
      throw new WeftError('invalid', { what: `file of --etcd-${name} not read`, on: files[name], why, cause })
    }
  }
  return { ...files, ca: read('ca'), cert: read('cert'), key: read('key') }
}
