/** What goes back over HTTP. */
import type { ServerResponse } from 'node:http'
import { ERROR_CODES, type ErrorBody, WeftError } from '@weft/shared'
import type { Answer } from './operations.ts'

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(text)
}

export function sendAnswer(response: ServerResponse, answer: Answer<unknown>): void {
  if (response.headersSent || response.destroyed) return
  response.setHeader('X-Weft-Revision', String(answer.revision))
  if (answer.stale === true) response.setHeader('X-Weft-Stale', 'true')
  sendJson(response, 200, answer.reply)
}

/** An agent's reply text, `{ok}` or `{error}`, with the status that its error has. */
export function sendReply(response: ServerResponse, text: string): void {
  const reply = JSON.parse(text) as { error?: ErrorBody }
  if (reply.error === undefined) sendJson(response, 200, reply)
  else sendError(response, WeftError.fromBody(reply.error))
}

/** `{error: ErrorBody}` with the status of the code, or another one of HTTP's own. */
export function sendError(response: ServerResponse, thrown: unknown, status?: number): void {
  const error = WeftError.from(thrown)
  if (error.retryable && !response.headersSent) response.setHeader('Retry-After', '1')
  sendJson(response, status ?? ERROR_CODES[error.code].http, { error: error.toBody() })
}

/** Bytes that a slow reader of a stream may leave unread before it is cut off. */
const STREAM_BACKLOG = 1024 * 1024
const HEARTBEAT_MS = 10_000

/**
 * Sends one JSON object a line, and an empty line every 10 s so that both ends notice a dead connection; ends when the
 * source does. An error after the first line is the last line: `{"error": …}`.
 */
export async function sendStream(
  response: ServerResponse,
  source: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' })
  response.flushHeaders()
  const heartbeat = setInterval(() => response.write('\n'), HEARTBEAT_MS)
  try {
    for await (const line of source) {
      if (signal.aborted || response.destroyed) break
      response.write(`${JSON.stringify(line)}\n`)
      if (response.writableLength > STREAM_BACKLOG)
        throw new WeftError('unavailable', { what: 'stream cut off', why: 'the reader is too slow' })
    }
  } catch (thrown) {
    if (!signal.aborted) response.write(`${JSON.stringify({ error: WeftError.from(thrown).toBody() })}\n`)
  } finally {
    clearInterval(heartbeat)
    response.end()
  }
}
