/**
 * The NATS side of the agent. Settings by FACTS.md N2 to N6: never give up, notice black holes, and nothing that comes
 * in may throw. Everything else copes without it: what is missed is pulled, what cannot be asked here goes over HTTP.
 */
import tls from 'node:tls'
import {
  agentSubject,
  BUS_USER,
  busSettings,
  errorReply,
  hostCallSubject,
  intentSubject,
  parseHostCallSubject,
  pokeSubject,
  WeftError,
} from '@weft/shared'
import { connect, type Msg, type NatsConnection } from 'nats'
import type { Log } from '../log.ts'

export interface NatsLinkOptions {
  readonly servers: readonly string[]
  readonly host: string
  readonly secret: string
  /** CA of servers named `tls://…`, PEM text; the system's unless given. */
  readonly ca?: string | undefined
  readonly log: Log
  readonly onIntent: (text: string) => void
  readonly onPoke: (text: string) => void
  /** Answers a controller's request, or stays silent; never rejects. */
  readonly onCall: (verb: string, text: string) => Promise<string | undefined>
  /** After the first connection and each reconnect: what was published before is lost (N3). */
  readonly onConnected: () => void
}

/** An answer longer than any error is an answer that may be too long. */
const MOST_ERROR_BYTES = 10_000
/** After a refusal of the user, which ends a connection for good, it is tried anew. */
const RETRY_MS = 2_000

export class NatsLink {
  readonly #options: NatsLinkOptions
  #connection: NatsConnection | undefined
  #connected = false

  constructor(options: NatsLinkOptions) {
    this.#options = options
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Connects, serves and connects again, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, servers } = this.#options
    while (!signal.aborted) {
      try {
        const connection = await connect(this.#settings())
        if (signal.aborted) return await connection.close()
        this.#serve(connection)
        const end = () => void connection.close()
        signal.addEventListener('abort', end, { once: true })
        const reason = await connection.closed()
        signal.removeEventListener('abort', end)
        if (!signal.aborted) log.error({ servers, error: reason?.message }, 'bus closed for good, connecting anew')
      } catch (error) {
        log.error({ servers, error: WeftError.from(error).message }, 'bus refuses the connection')
      }
      this.#connected = false
      this.#connection = undefined
      await pause(RETRY_MS, signal)
    }
  }

  /**
   * One request to whichever controller takes it.
   * @throws `unavailable` when not connected or nobody serves, `deadline` after `timeoutMs`
   */
  async request(verb: string, text: string, timeoutMs: number): Promise<string> {
    const on = verb
    if (this.#connection === undefined || !this.#connected) {
      throw new WeftError('unavailable', { what: 'no connection to NATS', on })
    }
    try {
      const subject = agentSubject(this.#options.host, verb)
      return (await this.#connection.request(subject, text, { timeout: timeoutMs })).string()
    } catch (cause) {
      const timedOut = cause instanceof Error && /timeout/i.test(`${cause.name} ${cause.message}`)
      const why = cause instanceof Error ? cause.message || cause.name : String(cause)
      if (timedOut) throw new WeftError('deadline', { what: 'no answer over NATS', on, why, ambiguous: true, cause })
      throw new WeftError('unavailable', { what: 'request over NATS failed', on, why, cause })
    }
  }

  #settings() {
    const { servers, host, secret, ca } = this.#options
    const { checkServerIdentity } = tls
    return busSettings({
      servers,
      user: BUS_USER,
      password: secret,
      name: `weft-agent ${host}`,
      ca,
      checkServerIdentity,
    })
  }

  #serve(connection: NatsConnection): void {
    const { host, log, onIntent, onPoke, onCall, onConnected } = this.#options
    this.#connection = connection
    const hear = (subject: string, take: (text: string, message: Msg) => void) => {
      const callback = (error: Error | null, message: Msg): undefined => {
        // A permission that is refused arrives here and the subscription is dead (N6): pulling goes on without it.
        if (error !== null) log.error({ subject, error: error.message }, 'subscription refused')
        else take(message.string(), message)
      }
      connection.subscribe(subject, { callback })
    }
    hear(intentSubject(host), onIntent)
    hear(pokeSubject(host), onPoke)
    hear(hostCallSubject(host, '*'), (text, message) => {
      const verb = parseHostCallSubject(message.subject) ?? ''
      void onCall(verb, text).then((answer) => answer !== undefined && respond(message, answer, log))
    })
    this.#connected = true
    log.info({ server: connection.getServer() }, 'bus connected')
    onConnected()
    void this.#follow(connection)
  }

  async #follow(connection: NatsConnection): Promise<void> {
    const { log, onConnected } = this.#options
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false
        log.warn({ server: status.server }, 'bus disconnected')
      } else if (status.type === 'reconnect') {
        this.#connected = true
        log.info({ server: status.server }, 'bus reconnected')
        onConnected()
      } else if (status.type === 'error') {
        log.error({ error: status.error.message }, 'bus error')
      } else if (status.type === 'slowConsumer' || status.type === 'staleConnection') {
        log.warn({ type: status.type }, 'bus connection in trouble')
      }
    }
  }
}

/** What cannot be sent (over the bus's limit, or the connection is closing) is told, to the asker too where that works. */
function respond(message: Msg, answer: string, log: Log): void {
  try {
    message.respond(answer)
  } catch (cause) {
    const error = new WeftError('internal', { what: 'answer not sent', on: message.subject, why: String(cause), cause })
    log.error({ error: error.message }, 'bus cannot carry an answer')
    if (answer.length > MOST_ERROR_BYTES) respond(message, errorReply(error), log)
  }
}

/** Waits, or until the signal. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
