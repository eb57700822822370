/** A server for `node -e` in whatever namespace: it tells who asks, and what came. */

export const TELLING_PORT = 9000

/** By HTTP: `{"from":"10.250.0.11","bytes":3,"sha256":"…"}`. By UDP on the same port: the asker's address. */
export const TELLING_SERVER = `
const { createServer } = require('node:http')
const { createHash } = require('node:crypto')
const { createSocket } = require('node:dgram')
const plain = (address) => address.replace('::ffff:', '')
createServer(async (request, response) => {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request) { hash.update(chunk); bytes += chunk.length }
  response.end(JSON.stringify({ from: plain(request.socket.remoteAddress), bytes, sha256: hash.digest('hex') }))
}).listen(${TELLING_PORT}, '::', () => console.log('ready'))
const udp = createSocket('udp6')
udp.on('message', (_, { address, port }) => udp.send(plain(address), port, address))
udp.bind(${TELLING_PORT})
`

export interface Told {
  readonly from: string
  readonly bytes: number
  readonly sha256: string
}
