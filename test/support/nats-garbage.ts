/** Garbage on NATS subjects by the bare protocol, as a broken or foreign client would send it. */
import fs from 'node:fs'
import path from 'node:path'
import { CONTROLLER, execIn, type Lab } from '../../cli/src/lab/index.ts'

export interface Garbage {
  readonly subject: string
  readonly payload: Uint8Array | string
}

/** Runs on the controller's host: publishes what stands on its input, and waits until the server has taken it. */
const PROGRAM = `
const { host, port, ca, secret, garbage } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
const plain = require('node:net').connect(port, host)
// The server greets in clear, and then wants TLS.
plain.once('data', () => {
  const socket = require('node:tls').connect({ socket: plain, host, ca })
  socket.write('CONNECT ' + JSON.stringify({ verbose: false, user: 'weft', pass: secret }) + '\\r\\n')
  for (const { subject, base64 } of garbage) {
    const payload = Buffer.from(base64, 'base64')
    socket.write('PUB ' + subject + ' _INBOX.garbage ' + payload.length + '\\r\\n')
    socket.write(payload)
    socket.write('\\r\\n')
  }
  socket.write('PING\\r\\n')
  let told = ''
  socket.on('data', (text) => {
    told += text
    if (told.includes('-ERR')) throw new Error(told)
    if (told.includes('PONG')) socket.end()
  })
})
`

export async function publishGarbage(lab: Lab, secret: string, garbage: readonly Garbage[]): Promise<void> {
  const input = JSON.stringify({
    host: lab.layout.controller.ipv4,
    port: 4222,
    ca: fs.readFileSync(path.join(lab.layout.controller.data, 'tls/ca.crt'), 'utf8'),
    secret,
    garbage: garbage.map(({ subject, payload }) => ({ subject, base64: Buffer.from(payload).toString('base64') })),
  })
  const { code, stderr } = await execIn(lab, CONTROLLER, [process.execPath, '-e', PROGRAM], { input })
  if (code !== 0) throw new Error(`garbage not sent: ${stderr}`)
}
