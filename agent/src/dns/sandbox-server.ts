/** The resolver of one sandbox: answers on its sockets, hands the rest on, within that sandbox only. */
import dgram from 'node:dgram'
import net from 'node:net'
import { WeftError } from '@weft/shared'
import type { SandboxSockets } from '../kernel/sandbox/index.ts'
import type { Log } from '../log.ts'
import { type Asker, judge } from './answer.ts'
import { Forwarder } from './forwarder.ts'
import { readMessages, writeMessage } from './tcp.ts'

export interface SandboxServerOptions {
  readonly sockets: SandboxSockets
  readonly log: Log
  readonly asker: () => Asker
  /** False: nothing leaves this sandbox. Asked for each question that is not ours. */
  readonly mayForward: () => boolean
  readonly resolver: string
  /** A TCP socket on its way to the resolver. */
  readonly connect: () => number
  readonly randomId: () => number
  readonly nowMs: () => number
}

export class SandboxServer {
  readonly #options: SandboxServerOptions
  readonly #udp: dgram.Socket
  readonly #forward: dgram.Socket
  readonly #forwarder: Forwarder
  readonly #tcp: net.Server
  readonly #connections = new Set<net.Socket>()

  /** Takes the sockets over. */
  constructor(options: SandboxServerOptions) {
    const { sockets, log, resolver, randomId, nowMs } = options
    this.#options = options
    this.#udp = dgram.createSocket('udp4')
    this.#forward = dgram.createSocket('udp4')
    this.#tcp = net.createServer((socket) => this.#serve(socket))
    // A refused port of a client that has left shows up here.
    for (const socket of [this.#udp, this.#forward, this.#tcp])
      socket.on('error', (error: Error) => log.debug({ error: error.message }, 'socket of a sandbox'))
    this.#udp.on('message', (bytes, from) =>
      this.#ask(bytes, (answer) => this.#udp.send(answer, from.port, from.address)),
    )
    this.#forwarder = new Forwarder(this.#forward, resolver, randomId, nowMs)
    this.#udp.bind({ fd: sockets.udp })
    this.#forward.bind({ fd: sockets.forward })
    this.#tcp.listen({ fd: sockets.tcp })
  }

  close(): void {
    this.#udp.close()
    this.#forward.close()
    this.#tcp.close()
    for (const socket of this.#connections) socket.destroy()
  }

  #ask(bytes: Buffer, answer: (bytes: Buffer) => void): void {
    const verdict = judge(bytes, false, this.#options.asker())
    if (verdict.kind === 'answer') answer(verdict.bytes)
    else if (verdict.kind === 'forward' && !(this.#options.mayForward() && this.#forwarder.ask(bytes, answer)))
      answer(verdict.refusal)
  }

  #serve(socket: net.Socket): void {
    this.#hold(socket)
    let upstream: net.Socket | undefined
    socket.on('close', () => upstream?.destroy())
    readMessages(socket, (bytes) => {
      const verdict = judge(bytes, true, this.#options.asker())
      if (verdict.kind === 'drop') return void socket.destroy()
      if (verdict.kind === 'answer') return writeMessage(socket, verdict.bytes)
      if (!this.#options.mayForward()) return writeMessage(socket, verdict.refusal)
      upstream ??= this.#openUpstream(socket)
      if (upstream === undefined) return writeMessage(socket, verdict.refusal)
      writeMessage(upstream, bytes)
    })
  }

  /** One connection to Docker's resolver a connection of the client's; ids need no change. */
  #openUpstream(client: net.Socket): net.Socket | undefined {
    try {
      const upstream = new net.Socket({ fd: this.#options.connect(), readable: true, writable: true })
      this.#hold(upstream)
      readMessages(upstream, (bytes) => writeMessage(client, bytes))
      upstream.on('close', () => client.destroy())
      return upstream
    } catch (error) {
      this.#options.log.debug({ error: WeftError.from(error).message }, "Docker's resolver takes no connection")
      return undefined
    }
  }

  #hold(socket: net.Socket): void {
    this.#connections.add(socket)
    socket.on('close', () => this.#connections.delete(socket))
  }
}
