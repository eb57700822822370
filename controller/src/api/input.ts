/** What a client sends, read within bounds and parsed by the operation's schemas. */
import type { IncomingMessage } from 'node:http'
import { type Operation, parseJsonWith, parseWith, WeftError } from '@weft/shared'
import { checkDepth } from '../json-depth.ts'

/** Bytes of a request body. */
export const BODY_LIMIT = 1024 * 1024
/** Bytes that are read of a refused request. */
const DRAIN_LIMIT = 16 * BODY_LIMIT

/** Reads the whole body. @throws `invalid` when it is longer than {@link BODY_LIMIT} or no UTF-8. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop must not destroy the request: the client still has an answer coming.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_LIMIT) throw tooLong(`it has more than ${BODY_LIMIT} bytes`)
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (cause) {
    throw new WeftError('invalid', {
      what: 'bad request body',
      why: 'it is not UTF-8 text',
      remedy: 'send JSON in UTF-8',
      cause,
    })
  }
}

/**
 * Reads on to the end, into nothing, so that a client that is still sending gets to read its answer instead of a broken
 * pipe. False when that is more than {@link DRAIN_LIMIT}.
 */
export async function drain(request: IncomingMessage): Promise<boolean> {
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > DRAIN_LIMIT) return false
  }
  return true
}

/** Refuses by the announced length, before anything is read. @throws `invalid` */
export function checkAnnouncedLength(request: IncomingMessage): void {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > BODY_LIMIT) throw tooLong(`it has ${announced} bytes, and ${BODY_LIMIT} are taken`)
}

/** Query parameters as an object. @throws `invalid` for one given twice. */
export function readQuery(search: URLSearchParams): Record<string, string> {
  const keys = [...search.keys()]
  const twice = keys.find((key, index) => keys.indexOf(key) !== index)
  if (twice !== undefined)
    throw new WeftError('invalid', { what: 'query parameter given twice', on: twice, remedy: 'give it once' })
  return Object.fromEntries(search)
}

/** Parses path, query and body. @throws `invalid` naming each bad value and its rule. */
export function parseInput(
  shape: Operation,
  given: { params: Record<string, string>; query: Record<string, string>; body: string },
): { params: unknown; query: unknown; body: unknown } {
  const params = shape.params === undefined ? {} : parseWith(shape.params, given.params, 'path')
  const unknown = Object.keys(given.query)
  if (shape.query === undefined && unknown.length > 0)
    throw new WeftError('invalid', {
      what: 'unknown query parameter',
      on: unknown.join(', '),
      why: 'none is taken here',
      remedy: 'leave it out',
    })
  const query = shape.query === undefined ? {} : parseWith(shape.query, given.query, 'query')
  if (shape.body === undefined) {
    if (given.body.trim() !== '')
      throw new WeftError('invalid', { what: 'bad request body', why: 'none is taken here', remedy: 'leave it out' })
    return { params, query, body: {} }
  }
  checkDepth(given.body)
  return { params, query, body: parseJsonWith(shape.body, given.body, 'request body') }
}

function tooLong(why: string): WeftError {
  return new WeftError('invalid', { what: 'request body too long', why, remedy: 'send less at once' })
}
