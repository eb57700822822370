/** One HTTP request over a unix socket or TCP; what can go wrong on the way becomes an error that names the way. */
import type http from 'node:http'
import { WeftError } from '@weft/shared'
import { type ControllerAddress, formatControllerAddress, UNREACHABLE_REMEDY } from '../config.ts'

export interface Target {
  readonly address: ControllerAddress
  /** Sent as `Authorization: Bearer`; the unix socket needs none. */
  readonly secret?: string
  /** PEM text of the CA that an https controller must have; the system's unless given. */
  readonly ca?: string
}

export interface Request {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body?: string
  /** Ends it; its reason is thrown. */
  readonly signal: AbortSignal
}

export interface Response {
  readonly status: number
  /** The store did not answer the controller: this is what was known last (`X-Weft-Stale`). */
  readonly stale: boolean
  readonly chunks: AsyncIterable<string>
}

/**
 * Sends a request and gives back the answer when its head is here. Throws `unavailable` when nobody listens or the
 * connection breaks, `denied` when the socket may not be opened, and the signal's reason.
 */
export async function send(target: Target, request: Request): Promise<Response> {
  const { address, secret, ca } = target
  const secure = address.kind === 'http' && address.url.protocol === 'https:'
  const { request: open } = secure ? await import('node:https') : await import('node:http')
  const headers: http.OutgoingHttpHeaders = { accept: 'application/json' }
  if (secret !== undefined) headers.authorization = `Bearer ${secret}`
  if (request.body !== undefined) headers['content-type'] = 'application/json'
  const { method, path, signal } = request
  const where =
    address.kind === 'unix'
      ? { socketPath: address.path }
      : { hostname: address.url.hostname.replace(/^\[|\]$/g, ''), port: address.url.port }
  return await new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(signal.aborted ? signal.reason : unreachable(address, cause))
    const options = { ...where, method, path, headers, signal, agent: false, ...(ca === undefined ? {} : { ca }) }
    const call = open(options, (response) => {
      response.setEncoding('utf8')
      const stale = response.headers['x-weft-stale'] === 'true'
      resolve({ status: response.statusCode ?? 0, stale, chunks: read(response, address, signal) })
    })
    call.on('error', fail)
    call.end(request.body)
  })
}

async function* read(
  body: AsyncIterable<string>,
  address: ControllerAddress,
  signal: AbortSignal,
): AsyncIterable<string> {
  try {
    yield* body
  } catch (error) {
    throw signal.aborted ? signal.reason : unreachable(address, error as Error)
  }
}

/** Errors before a connection exists: no request can have reached the controller. */
const BEFORE_CONNECTION: Readonly<Record<string, string>> = {
  ENOENT: 'the socket does not exist',
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve now',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
}

/** What Node says of a certificate that does not hold (tls, X509_V_ERR_…). */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it signed its certificate itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of a CA that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of a CA that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of a CA that is not known here',
  CERT_SIGNATURE_FAILURE: 'its certificate is not signed by our CA',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other addresses',
}

function unreachable(address: ControllerAddress, cause: NodeJS.ErrnoException): WeftError {
  const on = formatControllerAddress(address)
  const code = cause.code ?? ''
  if (code === 'EACCES' || code === 'EPERM')
    return new WeftError('denied', {
      what: 'the controller does not let us in',
      on,
      why: 'its socket serves root only',
      remedy: 'run the command as root, or use --controller https://HOST:PORT with --secret-file and --ca',
      cause,
    })
  const untrusted = UNTRUSTED[code]
  if (untrusted !== undefined)
    return new WeftError('denied', {
      what: 'the controller is not who it should be',
      on,
      why: `${untrusted} (${code})`,
      remedy: "give the cluster's CA with --ca FILE (WEFT_CA), and an address that its certificate is for",
      cause,
    })
  if (code === 'EPROTO')
    return new WeftError('unavailable', {
      what: 'the controller does not speak TLS',
      on,
      why: cause.message,
      remedy: 'see that --controller names a Weft controller that serves https',
      cause,
    })
  const why = BEFORE_CONNECTION[code]
  if (why !== undefined)
    return new WeftError('unavailable', {
      what: 'no controller answers',
      on,
      why: `${why} (${code})`,
      remedy: UNREACHABLE_REMEDY,
      cause,
    })
  return new WeftError('unavailable', {
    what: 'the connection to the controller broke',
    on,
    why: cause.message,
    ambiguous: true,
    remedy: 'see whether it runs: weft version; then repeat the command',
    cause,
  })
}
