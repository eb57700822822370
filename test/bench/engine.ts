/** The few Engine API calls that a bench times, without a docker client process in between. */
import { request } from 'node:http'

/** One call over the host's Docker socket; throws with the engine's message for a status of 400 and above. */
export function engine(socketPath: string, method: string, path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const call = request({ socketPath, method, path: `/v1.41${path}`, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => {
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
        else resolve(text === '' ? undefined : JSON.parse(text))
      })
    })
    call.on('error', reject)
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

export interface Container {
  readonly id: string
  readonly socket: string
}

/** Creates a container that sleeps; it is not started. */
export async function createContainer(socket: string, network: string): Promise<Container> {
  const body = { Image: 'busybox', Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: network, AutoRemove: false } }
  const { Id } = (await engine(socket, 'POST', '/containers/create', body)) as { Id: string }
  return { id: Id, socket }
}

export async function startContainer(container: Container): Promise<void> {
  await engine(container.socket, 'POST', `/containers/${container.id}/start`)
}

export async function removeContainer(container: Container): Promise<void> {
  await engine(container.socket, 'DELETE', `/containers/${container.id}?force=1`)
}

/** Process id (in the host's PID namespace) and address on the network of a running container. */
export async function whereabouts(container: Container, network: string): Promise<{ pid: number; address: string }> {
  const inspected = (await engine(container.socket, 'GET', `/containers/${container.id}/json`)) as {
    State: { Pid: number }
    NetworkSettings: { Networks: Record<string, { IPAddress: string }> }
  }
  const address = inspected.NetworkSettings.Networks[network]?.IPAddress
  if (address === undefined || address === '') throw new Error(`container on ${network} has no address`)
  return { pid: inspected.State.Pid, address }
}
