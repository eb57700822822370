/** The API's HTTP servers: one set of routes on the unix socket (local root) and on TCP (with the cluster's secret). */
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import { WeftError } from '@weft/shared'
import type { Actor } from '../domain/index.ts'
import type { HostPort } from '../host-port.ts'
import type { Log } from '../log.ts'
import { checkBearer } from './auth.ts'
import { checkAnnouncedLength, drain, parseInput, readBody, readQuery } from './input.ts'
import { listenTcp, listenUnix } from './listen.ts'
import { type Answer, type Handlers, type RequestContext, SHAPES } from './operations.ts'
import { sendAnswer, sendError, sendReply, sendStream } from './respond.ts'
import { matchRoute } from './router.ts'
import { DEFAULT_WAIT_MS } from './status.ts'

export interface ApiOptions {
  readonly handlers: Handlers
  /** Answers an agent's verb: JSON text in, `{ok}` or `{error}` text out; never rejects. */
  readonly agent: (host: string, verb: string, body: string) => Promise<string>
  readonly secret: string
  readonly log: Log
}

export interface Api {
  listenUnix(file: string): Promise<void>
  /** HTTPS with `tls` (PEM texts), else plain HTTP. Gives back the address with the port that was bound. */
  listenTcp(address: HostPort, tls?: Tls): Promise<HostPort>
  /** Takes no more requests, ends streams and waits, lets the rest finish for `graceMs`. */
  close(graceMs: number): Promise<void>
}

export interface Tls {
  readonly cert: string
  readonly key: string
}

/** A way in: who comes by it, and what he must show. */
interface Door {
  readonly actor: Actor
  /** @throws `denied` */
  readonly authorise: (request: IncomingMessage) => void
}

/** Milliseconds until an answer; `status --wait` brings its own, and a stream has none. */
const DEADLINE_MS = 20_000
const WAIT_GRACE_MS = 5_000

export function createApi(options: ApiOptions): Api {
  const closing = new AbortController()
  const servers: Server[] = []
  const serve = (door: Door, tls?: Tls) => {
    const limits = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 }
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      void answer(options, door, closing.signal, request, response)
    const server =
      tls === undefined
        ? http.createServer(limits, listener)
        : https.createServer({ ...limits, ...tls, handshakeTimeout: 10_000, minVersion: 'TLSv1.2' }, listener)
    server.on('clientError', (_, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    })
    servers.push(server)
    return server
  }
  return {
    listenUnix: async (file) => await listenUnix(serve({ actor: 'local', authorise: () => {} }), file),
    listenTcp: async (address, tls) =>
      await listenTcp(
        serve(
          {
            actor: 'secret',
            authorise: (request) => checkBearer(request.headers.authorization, options.secret),
          },
          tls,
        ),
        address,
      ),
    async close(graceMs) {
      closing.abort()
      const closed = servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve())
            server.closeIdleConnections()
          }),
      )
      const timer = setTimeout(() => {
        for (const server of servers) server.closeAllConnections()
      }, graceMs)
      await Promise.all(closed)
      clearTimeout(timer)
    },
  }
}

async function answer(
  options: ApiOptions,
  door: Door,
  closing: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    door.authorise(request)
    checkAnnouncedLength(request)
    await route(options, door.actor, { gone: gone.signal, closing }, request, response)
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (error.code === 'internal') options.log.error({ error: error.message, stack: stackOf(thrown) }, 'request failed')
    // What was not read would be taken for the next request.
    if (!(await drained(request)) && !response.headersSent) response.setHeader('Connection', 'close')
    sendError(response, error)
  }
}

async function route(
  options: ApiOptions,
  actor: Actor,
  ends: { readonly gone: AbortSignal; readonly closing: AbortSignal },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = parseUrl(request.url ?? '/')
  const match = matchRoute(request.method ?? 'GET', url.pathname)
  if (match.kind === 'wrong-method') {
    const allow = match.allow.join(', ')
    response.setHeader('Allow', allow)
    const parts = {
      what: 'method not allowed',
      on: `${request.method} ${url.pathname}`,
      why: `${allow} is possible here`,
      remedy: `use ${allow}`,
    }
    return sendError(response, new WeftError('invalid', parts), 405)
  }
  const body = await readBody(request)
  if (match.kind === 'agent') {
    return sendReply(response, await options.agent(match.host, match.verb, body))
  }
  const shape = SHAPES[match.name]
  const input = parseInput(shape, { params: match.params, query: readQuery(url.searchParams), body })
  // The table ties schemas and handlers of one name together; the compiler cannot follow a name known only at run time.
  const handler = options.handlers[match.name] as unknown as (input: unknown, context: RequestContext) => unknown
  // Whatever ends by itself is let finish when the server closes; streams and waits are not.
  const long = AbortSignal.any([ends.gone, ends.closing])
  if (shape.stream === true)
    return await sendStream(response, handler(input, { signal: long, actor }) as AsyncIterable<unknown>, long)
  const waitMs = waitOf(input.query)
  const deadline = AbortSignal.timeout(waitMs === undefined ? DEADLINE_MS : waitMs + WAIT_GRACE_MS)
  const signal = AbortSignal.any([waitMs === undefined ? ends.gone : long, deadline])
  sendAnswer(response, await orAbort(handler(input, { signal, actor }) as Promise<Answer<unknown>>, signal, deadline))
}

/** How long the client lets itself be kept waiting; undefined when it does not. */
function waitOf(query: unknown): number | undefined {
  const { wait, timeoutMs } = query as { wait?: boolean; timeoutMs?: number }
  return wait === true ? (timeoutMs ?? DEFAULT_WAIT_MS) : undefined
}

/** The result, or why nobody waits for it any longer. What goes on behind is bounded by the signal that it was given. */
async function orAbort<T>(work: Promise<T>, signal: AbortSignal, deadline: AbortSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const abort = () =>
      reject(
        deadline.aborted
          ? new WeftError('deadline', { what: 'request took too long', ambiguous: true, remedy: 'ask again' })
          : new WeftError('unavailable', { what: 'request ended early', why: 'the controller stops', ambiguous: true }),
      )
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

async function drained(request: IncomingMessage): Promise<boolean> {
  if (request.complete) return true
  try {
    return !request.destroyed && (await drain(request))
  } catch {
    // The client went away in the middle of its request: there is nobody to answer.
    return false
  }
}

function parseUrl(target: string): URL {
  try {
    return new URL(target, 'http://controller')
  } catch (cause) {
    throw new WeftError('invalid', {
      what: 'bad request target',
      on: target.slice(0, 200),
      remedy: 'ask for a path like /v1/networks',
      cause,
    })
  }
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined
}
