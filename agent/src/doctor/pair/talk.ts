/**
 * The program that talks inside another netns, started there by nsenter: a socket belongs to the namespace of the thread
 * that makes it, and Node makes sockets when it likes. One JSON argument in, one JSON line out. It imports Node alone, so that
 * it starts quickly, and ends by itself: with its time, or with its stdin.
 */
import { createHash } from 'node:crypto'
import dgram from 'node:dgram'
import net from 'node:net'

export interface TalkLink {
  readonly address: string
  readonly peer: string
}

export type TalkOrder =
  | { readonly do: 'listen'; readonly links: readonly TalkLink[]; readonly forMs: number }
  | {
      readonly do: 'reach'
      readonly links: readonly TalkLink[]
      /** UDP payloads to try on the first link, bytes; undefined tries none. */
      readonly sizes?: { readonly least: number; readonly most: number }
    }
  | { readonly do: 'tcp'; readonly link: TalkLink; readonly bytes: number; readonly forMs: number }
  | { readonly do: 'connect'; readonly address: string; readonly port: number; readonly forMs: number }

export interface Reached {
  readonly links: readonly { readonly answered: boolean; readonly heard: boolean; readonly peerHeard: number }[]
  readonly largest?: number
}

export interface Connected {
  readonly outcome: 'open' | 'refused' | 'silent'
}

const UDP_PORT = 7
const TCP_PORT = 9
const HELLO_MS = 50
const REACH_MS = 2_500
const ROUND_MS = 300
const TRIES = 3
/** Sizes tried at once: as much as a socket's buffer takes at the largest MTU. */
const STEPS = 16
const HELLO = 0x48
const ECHO = 0x45

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

interface Line {
  readonly socket: dgram.Socket
  readonly peer: string
  heard: number
  peerHeard: number
  onEcho: (bytes: number) => void
}

/** Answers echoes, and says every 50 ms how many it has had. */
async function openLine({ address, peer }: TalkLink): Promise<Line> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  const line: Line = { socket, peer, heard: 0, peerHeard: 0, onEcho: () => {} }
  // A link that is shut answers with errors here; what counts is what arrives.
  socket.on('error', () => undefined)
  socket.on('message', (message) => {
    line.heard++
    if (message[0] === HELLO && message.length >= 5) line.peerHeard = message.readUInt32BE(1)
    else if (message[0] === ECHO && message[1] === 1) line.onEcho(message.length)
    else if (message[0] === ECHO) send(line, Buffer.from(message).fill(1, 1, 2))
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(UDP_PORT, address, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  return line
}

function send({ socket, peer }: Line, message: Buffer): void {
  socket.send(message, UDP_PORT, peer, () => undefined)
}

function sayHello(line: Line): void {
  const message = Buffer.alloc(5, HELLO)
  message.writeUInt32BE(line.heard, 1)
  send(line, message)
}

async function listen({ links, forMs }: Extract<TalkOrder, { do: 'listen' }>): Promise<void> {
  const lines = await Promise.all(links.map(openLine))
  setInterval(() => lines.forEach(sayHello), HELLO_MS)
  const server = net.createServer((socket) => {
    const hash = createHash('sha256')
    let wanted: number | undefined
    let had = 0
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      const total = wanted ?? chunk.readUInt32BE(0)
      const part = wanted === undefined ? chunk.subarray(4) : chunk
      wanted = total
      hash.update(part)
      had += part.length
      if (had >= total) socket.end(hash.digest('hex'))
    })
  })
  await new Promise<void>((resolve) => server.listen(TCP_PORT, resolve))
  process.stdout.write('{}\n')
  process.stdin.on('end', () => process.exit(0)).resume()
  await pause(forMs)
  process.exit(0)
}

async function reach({ links, sizes }: Extract<TalkOrder, { do: 'reach' }>): Promise<Reached> {
  const lines = await Promise.all(links.map(openLine))
  const answered = lines.map(() => false)
  lines.forEach((line, index) => {
    line.onEcho = () => {
      answered[index] = true
    }
  })
  const until = Date.now() + REACH_MS
  while (Date.now() < until && !answered.every(Boolean)) {
    for (const line of lines) {
      send(line, Buffer.from([ECHO, 0]))
      sayHello(line)
    }
    await pause(HELLO_MS)
  }
  const [first] = lines
  const largest = sizes === undefined || first === undefined || !answered[0] ? undefined : await largestOf(first, sizes)
  const found = lines.map(({ heard, peerHeard }, index) => ({
    answered: answered[index] === true,
    heard: heard > 0,
    peerHeard,
  }))
  return { links: found, ...(largest === undefined ? {} : { largest }) }
}

/**
 * The largest payload that comes back: the most first, then ever finer steps below the last that failed, then the most
 * again. An answer counts however late it is: a busy host must not look like a narrow path.
 */
async function largestOf(line: Line, { least, most }: { least: number; most: number }): Promise<number> {
  const back = new Set<number>([least])
  line.onEcho = (bytes) => back.add(bytes)
  await tryOut(line, [most], back)
  let high = most + 1
  for (let step = high - least; step > 1 && !back.has(most); ) {
    const low = Math.max(...back)
    step = Math.max(1, Math.ceil((high - low) / STEPS))
    const wanted = Array.from({ length: STEPS }, (_, index) => low + (index + 1) * step).filter((size) => size < high)
    await tryOut(line, wanted, back)
    high = Math.min(high, ...wanted.filter((size) => size > Math.max(...back)))
  }
  if (!back.has(most)) await tryOut(line, [most], back)
  return Math.max(...back)
}

/** Sends each size until it is back, a few times at most, since a single loss proves nothing. */
async function tryOut(line: Line, sizes: readonly number[], back: ReadonlySet<number>): Promise<void> {
  const missing = () => sizes.filter((size) => !back.has(size))
  for (let round = 0; round < TRIES && missing().length > 0; round++) {
    for (const size of missing()) send(line, Buffer.alloc(size).fill(ECHO, 0, 1))
    const until = Date.now() + ROUND_MS / TRIES
    while (Date.now() < until && missing().length > 0) await pause(5)
  }
}

async function transfer({ link, bytes, forMs }: Extract<TalkOrder, { do: 'tcp' }>) {
  const payload = Buffer.alloc(bytes)
  for (let index = 0; index < bytes; index += 4) payload.writeUInt32BE(Math.imul(index + 1, 2654435761) >>> 0, index)
  const wanted = createHash('sha256').update(payload).digest('hex')
  const began = performance.now()
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes)
  return await new Promise<{ bytes: number; ms: number; intact: boolean; trouble?: string }>((resolve) => {
    const socket = net.connect({ host: link.peer, port: TCP_PORT, localAddress: link.address })
    let text = ''
    let connected = false
    const end = (trouble?: string) => {
      const ms = Math.round(performance.now() - began)
      socket.destroy()
      resolve({
        bytes,
        ms,
        intact: trouble === undefined && text === wanted,
        ...(trouble === undefined ? {} : { trouble }),
      })
    }
    const late = () => end(`${connected ? 'it hangs' : 'no connection'} after ${forMs} ms`)
    const timer = setTimeout(late, forMs)
    socket.on('connect', () => {
      connected = true
      socket.write(length)
      socket.write(payload)
    })
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    socket.on('end', () => {
      clearTimeout(timer)
      end()
    })
    socket.on('error', (error) => {
      clearTimeout(timer)
      end(error.message)
    })
  })
}

/** A connection that is given up at once, and what came of it. */
async function connect({ address, port, forMs }: Extract<TalkOrder, { do: 'connect' }>): Promise<Connected> {
  return await new Promise((resolve) => {
    const socket = net.connect({ host: address, port })
    const end = (outcome: Connected['outcome']) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ outcome })
    }
    const timer = setTimeout(() => end('silent'), forMs)
    socket.on('connect', () => end('open'))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'))
  })
}

const order = JSON.parse(process.argv[2] ?? '') as TalkOrder
if (order.do === 'listen') await listen(order)
else {
  const result = await resultOf(order)
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}

async function resultOf(order: Exclude<TalkOrder, { do: 'listen' }>): Promise<unknown> {
  switch (order.do) {
    case 'reach':
      return await reach(order)
    case 'tcp':
      return await transfer(order)
    case 'connect':
      return await connect(order)
  }
}
