/** Asking whether somebody serves on a unix socket. */
import http from 'node:http'
import net from 'node:net'

/** True when a connection is accepted. */
export async function accepts(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = net.connect({ path })
    const answer = (value: boolean) => {
      socket.destroy()
      resolve(value)
    }
    socket.setTimeout(1000, () => answer(false))
    socket.on('connect', () => answer(true))
    socket.on('error', () => answer(false))
  })
}

/** True when `GET url` over the socket is answered with 200. */
export async function answersOk(socketPath: string, url: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const request = http.get({ socketPath, path: url, timeout: 1000, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}
