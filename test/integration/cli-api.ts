/** A small HTTP server made from the OPERATIONS table: checks what is asked as the controller does, answers from a list. */
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import {
  ERROR_CODES,
  type ErrorBody,
  OPERATIONS,
  type OperationName,
  parseJsonWith,
  parseWith,
  WeftError,
} from '@weft/shared'
import type { z } from 'zod'

export interface Asked {
  readonly name: OperationName
  readonly params: Record<string, string>
  readonly query: Record<string, string>
  readonly body: unknown
  readonly authorization: string | undefined
}

/** `hang-up` breaks the connection without an answer; `end` ends a stream. */
export type Answer =
  | { readonly ok: unknown }
  | { readonly error: ErrorBody }
  | { readonly raw: string; readonly status: number }
  | 'hang-up'

export interface ApiServer {
  readonly unixAddress: string
  readonly tcpAddress: string
  readonly asked: Asked[]
  close(): Promise<void>
}

/** Serves on a unix socket and on loopback. `answer` decides, given what was asked before it too. */
export async function serveApi(answer: (asked: Asked, server: ApiServer) => Answer): Promise<ApiServer> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-api-'))
  const socket = path.join(folder, 'controller.sock')
  const asked: Asked[] = []
  const handle = (request: http.IncomingMessage, response: http.ServerResponse) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    request.on('end', () => {
      const one = read(request, text)
      if (one instanceof WeftError) return reply(response, { error: one.toBody() }, false)
      asked.push(one)
      const operation: { method: string; stream?: true } = OPERATIONS[one.name]
      reply(response, answer(one, server), operation.stream === true)
    })
  }
  const unix = http.createServer(handle)
  const tcp = http.createServer(handle)
  await new Promise<void>((resolve) => unix.listen(socket, resolve))
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  const server: ApiServer = {
    unixAddress: `unix:${socket}`,
    tcpAddress: `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`,
    asked,
    close: async () => {
      for (const each of [unix, tcp]) {
        each.closeAllConnections()
        await new Promise((resolve) => each.close(resolve))
      }
      fs.rmSync(folder, { recursive: true })
    },
  }
  return server
}

function read(request: http.IncomingMessage, text: string): Asked | WeftError {
  const url = new URL(request.url ?? '', 'http://weft')
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const pattern = new RegExp(`^${operation.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`)
    const match = pattern.exec(url.pathname)
    if (match === null || operation.method !== request.method) continue
    const schemas: { method: string; params?: z.ZodType; query?: z.ZodType; body?: z.ZodType } = operation
    const params = { ...match.groups }
    const query = Object.fromEntries(url.searchParams)
    try {
      if (schemas.params) parseWith(schemas.params, params, 'path')
      parseWith(schemas.query ?? noQuery, query, 'query')
      const body = schemas.body ? parseJsonWith(schemas.body, text, 'body') : undefined
      return { name: name as OperationName, params, query, body, authorization: request.headers.authorization }
    } catch (error) {
      return WeftError.from(error)
    }
  }
  return new WeftError('not_found', { what: 'no such path', on: `${request.method} ${url.pathname}` })
}

const noQuery = OPERATIONS.endpointList.query.omit({ network: true, host: true })

function reply(response: http.ServerResponse, answer: Answer, stream: boolean): void {
  if (answer === 'hang-up') return void response.socket?.destroy()
  if ('raw' in answer) return void response.writeHead(answer.status).end(answer.raw)
  if ('error' in answer) {
    return void response.writeHead(ERROR_CODES[answer.error.code].http).end(JSON.stringify({ error: answer.error }))
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  if (!stream) return void response.end(JSON.stringify(answer.ok))
  for (const line of answer.ok as unknown[]) response.write(`${JSON.stringify(line)}\n`)
}
