/**
 * The API's client, made from the OPERATIONS table: what is asked is checked before it is sent, what is answered before
 * it is believed. Every operation is idempotent (reads are, writes carry a request id), so a retryable error is tried
 * once more with the same request.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ERROR_CODES,
  type ErrorCode,
  OPERATIONS,
  type OperationName,
  parseJsonWith,
  parseWith,
  WeftError,
} from '@weft/shared'
import { z } from 'zod'
import { type Request, type Response, send, type Target } from './transport.ts'

type Operation<N extends OperationName> = (typeof OPERATIONS)[N]
type Part<N extends OperationName, K extends 'params' | 'query' | 'body'> =
  Operation<N> extends Record<K, infer S extends z.ZodType> ? { readonly [P in K]: z.input<S> } : unknown
/** What the caller gives: the operation's params, query and body, as far as it has them. */
export type Asked<N extends OperationName> = Part<N, 'params'> & Part<N, 'body'> & QueryText<N>
/** Query values before they are text: numbers and booleans. */
type QueryText<N extends OperationName> =
  Operation<N> extends Record<'query', infer S extends z.ZodType> ? { readonly query: z.output<S> } : unknown
export type Reply<N extends OperationName> = z.output<Operation<N>['reply']>

export interface Client {
  /** `timeoutMs` spans both attempts; 15 s unless told. Throws what the controller says, `unavailable`, `deadline`. */
  call<N extends OperationName>(name: N, asked: Asked<N>, timeoutMs?: number): Promise<Reply<N>>
  /** The replies of a stream, until the signal ends it. Throws `unavailable` when the controller ends it. */
  stream<N extends OperationName>(name: N, asked: Asked<N>, signal: AbortSignal): AsyncIterable<Reply<N>>
}

const CALL_MS = 15_000
const RETRY_AFTER_MS = 200

/** `onStale` is told when an answer is what the controller knew last, because its store does not answer. */
export function createClient(target: Target, onStale: () => void = () => undefined): Client {
  return {
    async call(name, asked, timeoutMs = CALL_MS) {
      const deadline = new WeftError('deadline', {
        what: 'the controller did not answer in time',
        on: name,
        why: `within ${timeoutMs} ms`,
        ambiguous: OPERATIONS[name].method !== 'GET',
        remedy: 'see how it is: weft status',
      })
      const abort = new AbortController()
      const timer = setTimeout(() => abort.abort(deadline), timeoutMs)
      try {
        const request = { ...requestOf(name, asked), signal: abort.signal }
        return await twice(abort.signal, async () => {
          const response = await send(target, request)
          const reply = parseReply(name, await textOf(await granted(response)))
          if (response.stale) onStale()
          return reply
        })
      } finally {
        clearTimeout(timer)
      }
    },
    async *stream(name, asked, signal) {
      const response = await granted(await send(target, { ...requestOf(name, asked), signal }))
      for await (const line of lines(response.chunks)) if (line.trim() !== '') yield parseReply(name, line)
      throw new WeftError('unavailable', {
        what: 'the controller ended the stream',
        on: name,
        remedy: 'repeat the command',
      })
    },
  }
}

/** The request of an operation: method, path with params and query filled in, body. Throws `invalid`. */
export function requestOf<N extends OperationName>(name: N, asked: Asked<N>): Omit<Request, 'signal'> {
  const operation: { method: string; path: string; params?: z.ZodType; query?: z.ZodType; body?: z.ZodType } =
    OPERATIONS[name]
  const given = asked as { params?: Record<string, string>; query?: Record<string, unknown>; body?: unknown }
  if (operation.params) parseWith(operation.params, given.params, `request ${name}`)
  const path = operation.path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(given.params?.[key] ?? ''))
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(given.query ?? {})) if (value !== undefined) query.set(key, String(value))
  if (operation.query) parseWith(operation.query, Object.fromEntries(query), `request ${name}`)
  const body = operation.body ? JSON.stringify(parseWith(operation.body, given.body, `request ${name}`)) : undefined
  const search = query.size > 0 ? `?${query}` : ''
  return { method: operation.method, path: `${path}${search}`, ...(body === undefined ? {} : { body }) }
}

async function twice<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (signal.aborted || !WeftError.from(error).retryable) throw error
    await sleep(RETRY_AFTER_MS)
    return await attempt()
  }
}

const errorCode = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]])
const errorReply = z.object({
  error: z.object({
    code: errorCode,
    what: z.string(),
    on: z.string().optional(),
    why: z.string().optional(),
    remedy: z.string().optional(),
    ambiguous: z.boolean().optional(),
  }),
})

/** The response when it is a success; else throws the controller's own error, as it is. */
async function granted(response: Response): Promise<Response> {
  if (response.status >= 200 && response.status < 300) return response
  const text = await textOf(response)
  let parsed: z.infer<typeof errorReply>
  try {
    parsed = parseJsonWith(errorReply, text, 'error of the controller')
  } catch (cause) {
    throw new WeftError(codeOfStatus(response.status), {
      what: 'the controller refused in words that are not its own',
      on: `HTTP ${response.status}`,
      why: text.slice(0, 300) || 'the answer is empty',
      remedy: 'see that --controller names a Weft controller',
      cause,
    })
  }
  const { code, what, ...rest } = parsed.error
  throw WeftError.fromBody({ code, what, ...defined(rest) })
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function defined<T extends object>(parts: T): Defined<T> {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Defined<T>
}

function codeOfStatus(status: number): ErrorCode {
  const codes = Object.entries(ERROR_CODES) as [ErrorCode, { http: number }][]
  return codes.find(([, { http }]) => http === status)?.[0] ?? (status === 401 ? 'denied' : 'internal')
}

async function textOf(response: Response): Promise<string> {
  let text = ''
  for await (const chunk of response.chunks) text += chunk
  return text
}

function parseReply<N extends OperationName>(name: N, text: string): Reply<N> {
  try {
    return parseJsonWith(OPERATIONS[name].reply as z.ZodType, text, `reply to ${name}`) as Reply<N>
  } catch (cause) {
    const { on: field, why = 'it is not what the API says' } = WeftError.from(cause).parts
    throw new WeftError('internal', {
      what: 'the answer of the controller is not understood',
      on: name,
      why: field === undefined ? why : `${field}: ${why}`,
      remedy: 'use weft and controller of one version: weft version',
      cause,
    })
  }
}

async function* lines(chunks: AsyncIterable<string>): AsyncIterable<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  if (rest !== '') yield rest
}
