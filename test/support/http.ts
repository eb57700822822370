/** HTTP in tests: over a unix socket or TCP, nothing hidden. */
import http from 'node:http'

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of any shape
  readonly json: any
}

export interface HttpTarget {
  readonly socketPath?: string
  readonly host?: string
  readonly port?: number
}

export async function call(
  target: HttpTarget,
  method: string,
  path: string,
  body?: unknown,
  headers: http.OutgoingHttpHeaders = {},
): Promise<HttpAnswer> {
  return await new Promise((resolve, reject) => {
    const request = http.request({ ...target, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = response.headers['content-type'] === 'application/json'
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: isJson ? JSON.parse(text) : undefined,
        })
      })
    })
    request.on('error', reject)
    const isRaw = typeof body === 'string' || body instanceof Uint8Array
    request.end(body === undefined || isRaw ? body : JSON.stringify(body))
  })
}
