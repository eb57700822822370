/** HTTP on Docker's unix socket: one request a connection, JSON both ways, and what the engine refuses as errors of ours. */
import http, { type IncomingMessage } from 'node:http'
import { ERROR_CODES, type ErrorCode, WeftError } from '@weft/shared'
import { z } from 'zod'

const MAX_REPLY = 64 * 1024 * 1024

export class EngineSocket {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Undefined body: none. An empty answer is an empty object. @throws the engine's refusal with its text, `deadline`, `unavailable` */
  async json(method: string, path: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await this.#request(method, path, body, signal)
    if ((response.statusCode ?? 500) >= 400) throw await refusal(response, `${method} ${path}`)
    const text = await readAll(response)
    return text === '' ? {} : JSON.parse(text)
  }

  /** An answer that goes on until the engine or the signal ends it. @throws as `json` */
  async open(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#request('GET', path, undefined, signal)
    if (response.statusCode === 200) return response
    throw await refusal(response, path.split('?')[0] ?? path)
  }

  #request(method: string, path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const headers =
        text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }
      const options = { socketPath: this.#path, method, path, headers, signal, agent: false }
      const request = http.request(options, resolve)
      request.on('error', (cause) => {
        const late = signal.aborted && signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError'
        const parts = { what: 'Docker does not answer', on: path, why: late ? 'deadline' : cause.message, cause }
        reject(new WeftError(late ? 'deadline' : 'unavailable', { ...parts, remedy: 'see systemctl status docker' }))
      })
      request.end(text)
    })
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_REPLY)
      throw new WeftError('internal', { what: 'reply of Docker too long', on: `${MAX_REPLY} bytes` })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function refusal(response: IncomingMessage, on: string): Promise<WeftError> {
  const text = await readAll(response)
  const status = response.statusCode ?? 500
  const why = messageOf(text)
  return new WeftError(codeIn(why) ?? codeOfStatus(status), { what: 'Docker refuses', on, why })
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 400) return 'invalid'
  return status === 404 ? 'not_found' : status === 409 || status === 403 ? 'conflict' : 'internal'
}

/** The code of our own plugin's error, which Docker hands on in its text (errors.ts, `message`). */
function codeIn(text: string): ErrorCode | undefined {
  const code = /\[([a-z_]+)\]/.exec(text)?.[1] ?? ''
  return Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : undefined
}

function messageOf(text: string): string {
  try {
    return z.object({ message: z.string() }).parse(JSON.parse(text)).message.slice(0, 1000)
  } catch {
    return text.slice(0, 1000)
  }
}
