/** The same verbs over HTTP, for when NATS does not answer: `POST /v1/agent/<host>/<verb>` at any controller. */
import http from 'node:http'
import https from 'node:https'
import { WeftError } from '@weft/shared'

export interface HttpLinkOptions {
  readonly controllers: readonly string[]
  readonly host: string
  readonly secret: string
  /** CA of controllers named `https://…`, PEM text; the system's unless given. */
  readonly ca?: string | undefined
}

/** Bytes; a page of an intent is a quarter of a MiB. */
const MAX_REPLY = 4 * 1024 * 1024

/**
 * Asks the controllers in turn until one gives an answer, beginning with the one that answered last.
 * @throws `unavailable` when none can be reached, `deadline` after `timeoutMs` over all
 */
export function createHttpLink({ controllers, host, secret, ca }: HttpLinkOptions) {
  let preferred = 0
  return async (verb: string, text: string, timeoutMs: number): Promise<string> => {
    const signal = AbortSignal.timeout(Math.ceil(timeoutMs))
    const failures: string[] = []
    for (let index = 0; index < controllers.length; index++) {
      const at = (preferred + index) % controllers.length
      const base = controllers[at] ?? ''
      try {
        const reply = await post(`${base}/v1/agent/${host}/${verb}`, text, { secret, ca }, signal)
        preferred = at
        return reply
      } catch (cause) {
        if (signal.aborted) {
          const parts = { what: 'no answer over HTTP', on: base, why: `within ${timeoutMs} ms`, cause }
          throw new WeftError('deadline', { ...parts, ambiguous: true })
        }
        failures.push(`${base}: ${cause instanceof Error ? cause.message : String(cause)}`)
      }
    }
    throw new WeftError('unavailable', { what: 'no controller reached', on: verb, why: failures.join('; ') })
  }
}

function post(
  url: string,
  text: string,
  { secret, ca }: Pick<HttpLinkOptions, 'secret' | 'ca'>,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${secret}`,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    }
    const { request } = url.startsWith('https:') ? https : http
    const options = { method: 'POST', headers, signal, agent: false, ...(ca === undefined ? {} : { ca }) }
    const asked = request(url, options, (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_REPLY) response.destroy(new Error(`reply over ${MAX_REPLY} bytes`))
        else chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    })
    asked.on('error', reject)
    asked.end(text)
  })
}
