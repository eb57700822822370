import { connect, createServer, type Socket } from 'node:net'

/** What the proxy does to bytes: `pass`; `hole`: connections stay open and nothing comes through; `deaf`: requests go in, answers do not come out; `refuse`: connections are closed at once. */
export type ProxyMode = 'pass' | 'hole' | 'deaf' | 'refuse'

/** A TCP proxy on loopback whose faults a test chooses (F6 of the fault catalogue). */
export interface TcpProxy {
  readonly port: number
  readonly endpoint: string
  /** Connections accepted since the start. */
  readonly accepted: number
  /** Connections open now. */
  readonly open: number
  /** Bytes that came from the server, since the start. */
  readonly received: number
  /** Applies to open and new connections alike. Bytes held back in a hole are lost when the connection ends. */
  mode(mode: ProxyMode): void
  /** Cuts each connection once this many more bytes came from the server over it. */
  cutAfter(bytes: number): void
  /** Cuts all connections now. */
  cut(): void
  stop(): Promise<void>
}

/** Starts a proxy to a port on loopback. */
export async function startTcpProxy(toPort: number): Promise<TcpProxy> {
  const pairs = new Map<Socket, { upstream: Socket; left: number }>()
  let mode: ProxyMode = 'pass'
  let cutAt = Number.POSITIVE_INFINITY
  let accepted = 0
  let received = 0

  const server = createServer((client) => {
    accepted++
    if (mode === 'refuse') return client.destroy()
    const upstream = connect(toPort, '127.0.0.1')
    const pair = { upstream, left: cutAt }
    pairs.set(client, pair)
    const end = () => {
      pairs.delete(client)
      client.destroy()
      upstream.destroy()
    }
    client.on('data', (bytes) => {
      if (mode === 'pass' || mode === 'deaf') upstream.write(bytes)
    })
    upstream.on('data', (bytes: Buffer) => {
      received += bytes.length
      if (mode !== 'pass') return
      const passed = bytes.subarray(0, Math.min(bytes.length, pair.left))
      pair.left -= bytes.length
      client.write(passed, pair.left <= 0 ? end : undefined)
    })
    // A cut connection ends in an error on either side; both ends go, which is the point of this proxy.
    for (const side of [client, upstream]) side.on('error', end).on('close', end)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const cut = () => {
    for (const [client, { upstream }] of pairs) {
      client.destroy()
      upstream.destroy()
    }
    pairs.clear()
  }
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    get accepted() {
      return accepted
    },
    get open() {
      return pairs.size
    },
    get received() {
      return received
    },
    mode(next) {
      mode = next
      if (next === 'refuse') cut()
    },
    cutAfter(bytes) {
      cutAt = bytes
      for (const pair of pairs.values()) pair.left = bytes
    },
    cut,
    async stop() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
