/** Questions handed on to Docker's resolver in the same sandbox, over UDP, with ids of our own. */
import type { Socket } from 'node:dgram'

interface Waiting {
  readonly id: number
  readonly answer: (bytes: Buffer) => void
  readonly sinceMs: number
}

/** A client asks again after 5 s. */
const PATIENCE_MS = 10_000
const MOST_WAITING = 4_096
const PORT = 53

export class Forwarder {
  readonly #socket: Socket
  readonly #resolver: string
  readonly #randomId: () => number
  readonly #nowMs: () => number
  readonly #waiting = new Map<number, Waiting>()

  /** @param socket bound in the sandbox; its messages are taken from now on */
  constructor(socket: Socket, resolver: string, randomId: () => number, nowMs: () => number) {
    this.#socket = socket
    this.#resolver = resolver
    this.#randomId = randomId
    this.#nowMs = nowMs
    socket.on('message', (bytes, from) => {
      if (from.address === resolver && from.port === PORT) this.#take(bytes)
    })
  }

  /** False when too many questions wait already. */
  ask(question: Buffer, answer: (bytes: Buffer) => void): boolean {
    if (this.#waiting.size >= MOST_WAITING) this.#forgetOld()
    if (this.#waiting.size >= MOST_WAITING) return false
    let id = this.#randomId()
    while (this.#waiting.has(id)) id = (id + 1) & 0xffff
    this.#waiting.set(id, { id: question.readUInt16BE(0), answer, sinceMs: this.#nowMs() })
    const bytes = Buffer.from(question)
    bytes.writeUInt16BE(id, 0)
    this.#socket.send(bytes, PORT, this.#resolver)
    return true
  }

  #take(bytes: Buffer): void {
    if (bytes.length < 2) return
    const id = bytes.readUInt16BE(0)
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    bytes.writeUInt16BE(waiting.id, 0)
    waiting.answer(bytes)
  }

  #forgetOld(): void {
    const before = this.#nowMs() - PATIENCE_MS
    for (const [id, { sinceMs }] of this.#waiting) if (sinceMs < before) this.#waiting.delete(id)
  }
}
