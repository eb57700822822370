/** Listening on a unix socket and on TCP. */
import fs from 'node:fs'
import type { Server } from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { WeftError } from '@weft/shared'
import { formatHostPort, type HostPort } from '../host-port.ts'

/**
 * Listens on a socket file of mode 0600. A socket that nobody listens on any more is replaced.
 * @throws `conflict` when somebody listens there, or when the file is no socket.
 */
export async function listenUnix(server: Server, file: string): Promise<void> {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 })
  await removeStale(file)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // The file must never be open to others, not even between bind(2) and chmod(2); listen() binds before it returns.
    const umask = process.umask(0o177)
    try {
      server.listen(file, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(umask)
    }
  })
}

/** @throws `conflict` when the address is taken, `unavailable` when this machine does not have it. */
export async function listenTcp(server: Server, address: HostPort): Promise<HostPort> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, address)))
    server.listen({ host: address.host, port: address.port }, resolve)
  })
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? { host: address.host, port: bound.port } : address
}

async function removeStale(file: string): Promise<void> {
  if (!fs.existsSync(file)) return
  const taken = (why: string) =>
    new WeftError('conflict', { what: 'socket in use', on: file, why, remedy: 'name another one with --socket' })
  if (!fs.lstatSync(file).isSocket()) throw taken('the file is no socket')
  if (await somebodyListens(file)) throw taken('another controller listens on it')
  fs.rmSync(file, { force: true })
}

async function somebodyListens(file: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = net.connect(file)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'))
  })
}

function listenError(error: NodeJS.ErrnoException, address: HostPort): WeftError {
  const on = formatHostPort(address)
  const remedy = 'name another one with --listen'
  if (error.code === 'EADDRINUSE')
    return new WeftError('conflict', { what: 'address in use', on, remedy, cause: error })
  return new WeftError('unavailable', { what: 'cannot listen', on, why: error.message, remedy, cause: error })
}
