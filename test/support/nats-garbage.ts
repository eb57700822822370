/** Garbage on NATS subjects by the bare protocol, as a broken or foreign client would send it. */
import { CONTROLLER, execIn, type Lab } from '../../cli/src/lab/index.ts'

export interface Garbage {
  readonly subject: string
  readonly payload: Uint8Array | string
}

/** Runs on the controller's host: publishes what stands on its input, and waits until the server has taken it. */
const PROGRAM = `
const { url, secret, garbage } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
const [host, port] = url.split(':')
const socket = require('node:net').connect(Number(port), host)
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
`

export async function publishGarbage(lab: Lab, secret: string, garbage: readonly Garbage[]): Promise<void> {
  const input = JSON.stringify({
    url: `${lab.layout.controller.ipv4}:4222`,
    secret,
    garbage: garbage.map(({ subject, payload }) => ({ subject, base64: Buffer.from(payload).toString('base64') })),
  })
  const { code, stderr } = await execIn(lab, CONTROLLER, [process.execPath, '-e', PROGRAM], { input })
  if (code !== 0) throw new Error(`garbage not sent: ${stderr}`)
}
