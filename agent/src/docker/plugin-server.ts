/**
 * The v1 plugin protocol: HTTP POST on a unix socket, one path a call (DOCKER.md 1, 8).
 *
 * Invariants
 * - An empty body where fields are needed is an error, never a success: Docker retries with one (pitfall 1).
 * - Network calls fail with `Err`, IPAM calls with `Error`; the wrong key would be read as success (pitfall 3).
 * - Every call ends within the deadline, since Docker has none (pitfall 4).
 */
import fs from 'node:fs'
import http, { type IncomingMessage, type Server } from 'node:http'
import path from 'node:path'
import { parseJsonWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import type { Log } from '../log.ts'

/** One call: the parsed body (undefined when it was empty) to the answer. */
export type PluginHandler = (body: unknown) => Promise<unknown> | unknown
export type PluginHandlers = Readonly<Record<string, PluginHandler>>

export interface PluginServerOptions {
  readonly handlers: PluginHandlers
  readonly log: Log
  /** Under Docker's patience, which is without end, and under a person's. */
  readonly deadlineMs: number
}

const MAX_BODY = 1024 * 1024
const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json'

export function createPluginServer(options: PluginServerOptions): Server {
  const server = http.createServer(
    { keepAliveTimeout: 0, headersTimeout: 10_000, requestTimeout: 10_000 },
    (request, response) => {
      void answer(options, request).then(({ status, value, end }) => {
        const text = JSON.stringify(value)
        const headers = { 'Content-Type': CONTENT_TYPE, 'Content-Length': Buffer.byteLength(text) }
        response.writeHead(status, end ? { ...headers, Connection: 'close' } : headers)
        response.end(text)
      })
    },
  )
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  })
  return server
}

interface Answer {
  readonly status: number
  readonly value: unknown
  /** The request was not read to its end: what is left would be taken for the next one. */
  readonly end: boolean
}

async function answer({ handlers, log, deadlineMs }: PluginServerOptions, request: IncomingMessage): Promise<Answer> {
  const call = (request.url ?? '/').slice(1)
  const began = performance.now()
  try {
    const handler = Object.hasOwn(handlers, call) ? handlers[call] : undefined
    if (request.method !== 'POST' || handler === undefined) {
      request.resume()
      const error = new WeftError('not_found', {
        what: 'no such plugin call',
        on: `${request.method} ${call.slice(0, 100)}`,
        remedy: `there are, by POST, ${Object.keys(handlers).join(', ')}`,
      })
      return { status: 404, value: { Err: error.message }, end: false }
    }
    const body = await readBody(request, call)
    const value = await withDeadline(Promise.resolve(handler(body)), deadlineMs, call)
    log.debug({ call, body, value, ms: Math.round(performance.now() - began) }, 'plugin call')
    return { status: 200, value, end: false }
  } catch (thrown) {
    const error = WeftError.from(thrown)
    log.warn(
      { call, code: error.code, error: error.message, ms: Math.round(performance.now() - began) },
      'plugin call refused',
    )
    const value = call.startsWith('IpamDriver.') ? { Error: error.message } : { Err: error.message }
    return { status: 200, value, end: !request.complete }
  }
}

async function readBody(request: IncomingMessage, call: string): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_BODY) return void chunks.push(chunk)
      request.pause()
      reject(
        new WeftError('invalid', {
          what: 'request too long',
          on: call,
          why: `it has more than ${MAX_BODY} bytes`,
          remedy: 'send less at once',
        }),
      )
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.on('error', reject)
  })
  return text === '' ? undefined : parseJsonWith(z.unknown(), text, `plugin call ${call}`)
}

async function withDeadline<T>(work: Promise<T>, deadlineMs: number, call: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const parts = { what: 'plugin call took too long', on: call, why: `over ${deadlineMs} ms`, remedy: 'try again' }
    timer = setTimeout(() => reject(new WeftError('deadline', parts)), deadlineMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Listens where Docker looks: on systemd's socket (fd 3) when it handed one over, else on `file`, mode 0600, replacing a
 * socket that a dead agent left.
 */
export async function listenForDocker(server: Server, file: string, inherited: boolean): Promise<void> {
  if (inherited) return await listening(server, () => server.listen({ fd: 3 }))
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  const found = fs.lstatSync(file, { throwIfNoEntry: false })
  if (found?.isSocket() === true) fs.unlinkSync(file)
  else if (found !== undefined) {
    const remedy = 'remove it, or choose another with --plugin-socket'
    throw new WeftError('conflict', {
      what: 'plugin socket is in the way',
      on: file,
      why: 'it is not a socket',
      remedy,
    })
  }
  const mask = process.umask(0o177)
  try {
    await listening(server, () => server.listen(file))
  } finally {
    process.umask(mask)
  }
}

/** systemd.socket(5), sd_listen_fds(3): one descriptor, meant for this process. */
export function hasInheritedSocket(env: Readonly<Record<string, string | undefined>>, pid: number): boolean {
  return env.LISTEN_PID === String(pid) && env.LISTEN_FDS === '1'
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    listen()
  })
}
