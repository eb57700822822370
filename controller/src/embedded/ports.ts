/** Loopback ports of the embedded etcd: chosen free once and remembered, so that its URL stays the same. */
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { parseJsonWith } from '@weft/shared'
import { z } from 'zod'

const Port = z.number().int().min(1).max(65_535)
const Ports = z.strictObject({ client: Port, peer: Port })
export type Ports = z.infer<typeof Ports>

/** The remembered ports if both are free, else two new ones. */
export async function rememberedPorts(folder: string): Promise<Ports> {
  const file = path.join(folder, 'etcd-ports.json')
  if (fs.existsSync(file)) {
    const ports = parseJsonWith(Ports, fs.readFileSync(file, 'utf8'), `ports in ${file}`)
    if ((await isFree(ports.client)) && (await isFree(ports.peer))) return ports
  }
  const [client, peer] = await Promise.all([freePort(), freePort()])
  const ports = { client, peer }
  fs.writeFileSync(file, `${JSON.stringify(ports)}\n`, { mode: 0o600 })
  return ports
}

/** A loopback port that was free a moment ago; `wanted` asks for that one. @throws the error of listen(2). */
export async function freePort(wanted = 0): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(address)))
    })
  })
}

async function isFree(port: number): Promise<boolean> {
  return await freePort(port).then(
    () => true,
    () => false,
  )
}
