/** DNS over TCP: messages behind two bytes of length (RFC 1035 section 4.2.2). */
import type { Socket } from 'node:net'

const IDLE_MS = 10_000

/** Calls `onMessage` for each whole message; a peer that is silent or sends an empty message is hung up on. */
export function readMessages(socket: Socket, onMessage: (bytes: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.setTimeout(IDLE_MS, () => socket.destroy())
  // A client that resets ends its own questions and nothing else.
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 2) {
      const length = rest.readUInt16BE(0)
      if (length === 0) return void socket.destroy()
      if (rest.length < 2 + length) return
      const message = Buffer.from(rest.subarray(2, 2 + length))
      rest = rest.subarray(2 + length)
      onMessage(message)
    }
  })
}

export function writeMessage(socket: Socket, bytes: Buffer): void {
  if (socket.destroyed) return
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  socket.write(Buffer.concat([length, bytes]))
}
