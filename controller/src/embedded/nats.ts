/** The embedded nats-server: core NATS only, one user, nothing else listens (FACTS.md N8). */
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { MAX_PAYLOAD } from '../bus/index.ts'
import { reachable } from '../host-port.ts'
import { type Child, startChild } from './child.ts'
import type { EmbeddedOptions } from './options.ts'
import { findProgram } from './programs.ts'

/** Starts it and waits until it greets. */
export async function startNats(options: EmbeddedOptions): Promise<Child & { readonly url: string }> {
  const program = findProgram(options.natsProgram, options.searchPath, 'nats-server', '--nats-bin')
  const file = path.join(options.folder, 'nats-server.conf')
  const listen = options.natsListen
  const { host, port } = reachable(listen)
  fs.writeFileSync(file, natsConfig(options), { mode: 0o600 })
  fs.chmodSync(file, 0o600)
  const ready = async () => (await greeting(host, port)) !== undefined
  const plan = { name: 'nats-server', program, args: ['-c', file], argument: file, env: {}, ready }
  const child = await startChild(options.folder, plan, options.log)
  const scheme = options.natsTls === undefined ? 'nats' : 'tls'
  return { url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`, ...child }
}

/** No JetStream, websocket, leafnode, MQTT, routes, monitoring or no_auth_user: what is not configured does not listen. */
export function natsConfig(options: Pick<EmbeddedOptions, 'natsListen' | 'natsTls' | 'user' | 'secret'>): string {
  const { natsListen: listen, natsTls: tls, user, secret: password } = options
  const files = tls && `cert_file: ${JSON.stringify(tls.cert)}, key_file: ${JSON.stringify(tls.key)}`
  return [
    '# Written by weft controller at every start; change its flags, not this file.',
    `host: ${JSON.stringify(listen.host)}`,
    `port: ${listen.port}`,
    `authorization { user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)}, timeout: 3 }`,
    ...(files === undefined ? [] : [`tls { ${files}, timeout: 3 }`]),
    `max_payload: ${MAX_PAYLOAD}`,
    'max_pending: 67108864',
    'write_deadline: "10s"',
    'ping_interval: "20s"',
    'logtime: true',
    '',
  ].join('\n')
}

/** The version in the INFO line with which a NATS server greets; undefined when there is none within a second. */
export async function greeting(host: string, port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 1_000 })
    const end = (version?: string) => {
      socket.destroy()
      resolve(version)
    }
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      const match = /^INFO .*"version":"([^"]+)"/.exec(text)
      if (match !== null || text.length > 16_384) end(match?.[1])
    })
    socket.on('error', () => end())
    socket.on('timeout', () => end())
    socket.on('close', () => end())
  })
}
