/** The socket by which Docker asks us: asked as Docker does. */
import http from 'node:http'
import { hostCheck } from './check.ts'

interface Facts {
  readonly socket: string
  readonly trouble?: string
}

const ANSWER_MS = 2_000

export const plugin = hostCheck<Facts>({
  name: 'plugin',
  probe: async ({ pluginSocket: socket }) => ({ socket, ...(await activate(socket)) }),
  judge: ({ socket, trouble }) => {
    if (trouble === undefined) return [{ severity: 'ok', measured: `${socket} answers Docker's call` }]
    return [
      {
        severity: 'error',
        measured: `${socket}: ${trouble}`,
        why: 'Docker waits 15 s for the plugin at every start of a container on a Weft network, then refuses',
        remedy: 'systemctl restart weft-agent.socket weft-agent.service',
      },
    ]
  },
})

function activate(socketPath: string): Promise<{ trouble?: string }> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(ANSWER_MS)
    const headers = { 'Content-Type': 'application/json', 'Content-Length': 2 }
    const options = { socketPath, method: 'POST', path: '/Plugin.Activate', headers, signal, agent: false }
    const request = http.request(options, (response) => {
      response.resume()
      const status = response.statusCode ?? 0
      response.on('end', () => resolve(status === 200 ? {} : { trouble: `answers with HTTP ${status}` }))
      response.on('error', (error) => resolve({ trouble: error.message }))
    })
    request.on('error', (error) =>
      resolve({ trouble: signal.aborted ? `no answer in ${ANSWER_MS} ms` : error.message }),
    )
    request.end('{}')
  })
}
