/** The guest agent's protocol (QEMU Guest Agent Protocol Reference): JSON lines over a unix socket, one at a time. */
import { randomInt } from 'node:crypto'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeftError } from '@weft/shared'

interface Reply {
  readonly return?: unknown
  readonly error?: { readonly desc: string }
}

const SYNC_EVERY_MS = 1_000

export class GuestChannel {
  readonly #socket: net.Socket
  #buffer = ''
  #waiting: ((reply: Reply) => void) | undefined
  /** Requests go one after another: the agent answers in order and its answers carry no id. */
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => this.#receive(text))
    // A request that is under way sees its deadline; the machine's log tells why its channel broke.
    socket.on('error', () => undefined)
  }

  /** Connects and waits until the agent in the guest answers. Throws `deadline`. */
  static async open(file: string, timeoutMs: number): Promise<GuestChannel> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      try {
        const channel = new GuestChannel(await connect(file))
        await channel.synchronise(deadlineMs - performance.now())
        return channel
      } catch (cause) {
        // QEMU makes the file before it listens.
        if (performance.now() > deadlineMs) throw WeftError.from(cause)
        await sleep(100)
      }
    }
  }

  /** Repeats guest-sync until its own number comes back: before that, answers may belong to requests of another time. */
  async synchronise(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    while (performance.now() < deadlineMs) {
      const id = randomInt(1, 2 ** 31)
      const reply = await this.#send('guest-sync', { id }, SYNC_EVERY_MS, (found) => found.return === id)
      if (reply !== undefined) return
    }
    throw new WeftError('deadline', { what: 'guest agent does not answer', why: `not within ${timeoutMs} ms` })
  }

  /** One request. Throws `internal` with the agent's words, `deadline`. */
  async call(execute: string, args: Readonly<Record<string, unknown>>, timeoutMs = 30_000): Promise<unknown> {
    const turn = this.#tail.then(() => this.#send(execute, args, timeoutMs, () => true))
    this.#tail = turn.catch(() => undefined)
    const reply = await turn
    if (reply === undefined) throw new WeftError('deadline', { what: 'guest agent does not answer', on: execute })
    if (reply.error !== undefined)
      throw new WeftError('internal', { what: 'guest agent refused', on: execute, why: reply.error.desc })
    return reply.return
  }

  close(): void {
    this.#socket.destroy()
  }

  #send(
    execute: string,
    args: Readonly<Record<string, unknown>>,
    timeoutMs: number,
    wanted: (reply: Reply) => boolean,
  ): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      const end = (reply: Reply | undefined) => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve(reply)
      }
      const timer = setTimeout(() => end(undefined), timeoutMs)
      this.#waiting = (reply) => {
        if (wanted(reply)) end(reply)
      }
      this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`)
    })
  }

  #receive(text: string): void {
    this.#buffer += text
    for (let end = this.#buffer.indexOf('\n'); end >= 0; end = this.#buffer.indexOf('\n')) {
      const line = this.#buffer.slice(0, end).replace(/^[^{]*/, '')
      this.#buffer = this.#buffer.slice(end + 1)
      if (line !== '') this.#waiting?.(parseReply(line))
    }
  }
}

/** Half a line may stand in the channel from before a reset of the guest. */
function parseReply(line: string): Reply {
  try {
    return JSON.parse(line) as Reply
  } catch {
    return { error: { desc: `not JSON: ${line.slice(0, 200)}` } }
  }
}

function connect(file: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(file, () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}
