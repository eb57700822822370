/** Finding the cluster's CA at a controller, knowing its fingerprint alone. Nothing secret is sent until it is verified. */
import type { X509Certificate } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'
import { formatHostPort, type HostPort, WeftError } from '@weft/shared'
import { pinOf } from './authority.ts'

/**
 * Connects, and gives back the certificate (PEM) of the server's chain that has this pin. Whether the server may use it
 * is not checked here: connect again with it as the only CA.
 * @throws `unavailable` when nobody answers or answers without TLS, `denied` when no certificate has the pin
 */
export async function fetchPinnedCa(server: HostPort, pin: string, timeoutMs: number): Promise<string> {
  const chain = await certificateChain(server, timeoutMs)
  const pinned = chain.find((certificate) => pinOf(certificate) === pin)
  if (pinned !== undefined) return pinned.toString()
  throw new WeftError('denied', {
    what: 'the controller is of another cluster',
    on: formatHostPort(server),
    why: `the join string pins the CA ${pin.slice(0, 16)}…, and it shows ${chain.map((each) => `${pinOf(each).slice(0, 16)}…`).join(', ')}`,
    remedy: 'print a new string there (weft controller join-string); if it is the right one, somebody stands between',
  })
}

async function certificateChain({ host, port }: HostPort, timeoutMs: number): Promise<X509Certificate[]> {
  const on = formatHostPort({ host, port })
  return await new Promise((resolve, reject) => {
    const servername = net.isIP(host) === 0 ? { servername: host } : {}
    // The chain is judged by the pin, which the caller knows from the join string.
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...servername })
    const fail = (why: string, cause?: unknown) => {
      socket.destroy()
      const remedy = 'see that the controller runs (there: weft status), and that no firewall stands between'
      reject(new WeftError('unavailable', { what: 'no controller answers', on, why, remedy, cause }))
    }
    socket.setTimeout(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`))
    socket.once('error', (error: NodeJS.ErrnoException) => fail(REASONS[error.code ?? ''] ?? error.message, error))
    socket.once('secureConnect', () => {
      const chain: X509Certificate[] = []
      // A root is its own issuer.
      for (let each = socket.getPeerX509Certificate(); each !== undefined && chain.length < 8; ) {
        chain.push(each)
        const next: X509Certificate | undefined = each.issuerCertificate
        each = next?.fingerprint256 === each.fingerprint256 ? undefined : next
      }
      socket.destroy()
      resolve(chain)
    })
  })
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there (ECONNREFUSED)',
  ENOTFOUND: 'the name does not resolve (ENOTFOUND)',
  EHOSTUNREACH: 'there is no route to it (EHOSTUNREACH)',
  ENETUNREACH: 'there is no route to it (ENETUNREACH)',
  ECONNRESET: 'it closed the connection (ECONNRESET)',
  EPROTO: 'it does not speak TLS (EPROTO)',
}
