/** The bus over core NATS. Settings by FACTS.md N2 to N6: never give up, notice black holes, treat `closed` as fatal. */
import tls from 'node:tls'
import { busSettings, WeftError } from '@weft/shared'
import { connect, errors, type Msg, type NatsConnection } from 'nats'
import type { Bus, BusCounts, BusHandler, ServeOptions } from './bus.ts'
import { checkPattern, checkSize, checkSubject, decodeText, NOT_UTF8, settle } from './message.ts'

export interface NatsBusOptions {
  /** `nats://host:port` or, all of them with TLS, `tls://host:port`. */
  readonly servers: readonly string[]
  /** CA of servers with TLS, PEM text; the system's unless given. */
  readonly ca?: string | undefined
  readonly user: string
  readonly password: string
  /** Shown by the server in its connection list. */
  readonly name: string
  /** Told what a human may want to know: reconnects, slow consumers, refused permissions, failing handlers. */
  readonly onNotice: (notice: BusNotice) => void
  /** Called after each reconnect: whatever was published meanwhile is lost (N3). */
  readonly onReconnect?: () => void
}

export interface BusNotice {
  readonly level: 'info' | 'warn' | 'error'
  readonly what: string
  readonly on?: string
  readonly why?: string
}

export type NatsBus = Bus & { readonly counts: BusCounts; readonly serverVersion: string; flush(): Promise<void> }

/**
 * Connects, waiting for the server as long as it takes, until the signal.
 * @throws `denied` when the server refuses the user, `unavailable` when the signal ends the waiting.
 */
export async function connectNats(options: NatsBusOptions, signal?: AbortSignal): Promise<NatsBus> {
  const connection = await orAbort(dial(options), signal, options.servers.join(', '))
  const counts: BusCounts = { garbage: 0, failures: 0, reconnects: 0 }
  void follow(connection, counts, options)
  const onFailure = (subject: string, error: WeftError) =>
    options.onNotice({ level: 'error', what: 'bus handler failed', on: subject, why: error.message })

  return {
    counts,
    serverVersion: connection.info?.version ?? 'unknown',
    publish(subject, text) {
      checkSubject(subject)
      checkSize(subject, text)
      guarded(subject, () => connection.publish(subject, text))
    },
    async request(subject, text, timeoutMs) {
      checkSubject(subject)
      checkSize(subject, text)
      try {
        const answer = await connection.request(subject, text, { timeout: timeoutMs })
        return answer.string()
      } catch (thrown) {
        throw requestError(thrown, subject, timeoutMs)
      }
    },
    serve(subject: string, handler: BusHandler, serveOptions: ServeOptions = {}) {
      checkPattern(subject)
      const subscription = connection.subscribe(subject, {
        ...serveOptions,
        callback: (error: Error | null, message: Msg): undefined => {
          if (error !== null) {
            options.onNotice({ level: 'error', what: 'subscription failed', on: subject, why: error.message })
            return
          }
          void deliver(message)
        },
      })
      const deliver = async (message: Msg): Promise<void> => {
        const text = decodeText(message.data, counts)
        const answer =
          text === undefined ? NOT_UTF8 : await settle(handler, { subject: message.subject, text }, counts, onFailure)
        if (answer === undefined || message.reply === undefined || message.reply === '') return
        try {
          checkSize(message.subject, answer)
          message.respond(answer)
        } catch (thrown) {
          // The asker has its own deadline; a connection that is closing, or an answer over the limit, is told here.
          onFailure(message.subject, WeftError.from(thrown, 'answer not sent'))
        }
      }
      return () => {
        if (!subscription.isClosed()) subscription.unsubscribe()
      }
    },
    async flush() {
      await connection.flush()
    },
    async close() {
      if (!connection.isClosed()) await connection.drain()
    },
    closed: connection.closed().then((reason) => reason ?? undefined),
  }
}

async function dial(options: NatsBusOptions): Promise<NatsConnection> {
  try {
    return await connect(busSettings({ ...options, checkServerIdentity: tls.checkServerIdentity }))
  } catch (thrown) {
    const on = options.servers.join(', ')
    if (thrown instanceof errors.AuthorizationError || thrown instanceof errors.UserAuthenticationExpiredError) {
      const remedy = 'give every controller and agent the same --secret-file'
      throw new WeftError('denied', { what: 'NATS refuses the user', on, why: thrown.message, remedy, cause: thrown })
    }
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new WeftError('unavailable', { what: 'no connection to NATS', on, why, cause: thrown })
  }
}

/** A connection that comes after the signal is closed again. */
async function orAbort(dialled: Promise<NatsConnection>, signal: AbortSignal | undefined, on: string) {
  if (signal === undefined) return await dialled
  return await new Promise<NatsConnection>((resolve, reject) => {
    const abort = () => reject(new WeftError('unavailable', { what: 'no connection to NATS', on, why: 'told to stop' }))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    dialled.then((connection) => (signal.aborted ? void connection.close() : resolve(connection)), reject)
  })
}

async function follow(connection: NatsConnection, counts: BusCounts, options: NatsBusOptions): Promise<void> {
  for await (const status of connection.status()) {
    switch (status.type) {
      case 'disconnect':
        options.onNotice({ level: 'warn', what: 'bus disconnected', on: status.server })
        break
      case 'reconnect':
        counts.reconnects++
        options.onNotice({ level: 'info', what: 'bus reconnected', on: status.server })
        options.onReconnect?.()
        break
      case 'error':
        options.onNotice({ level: 'error', what: 'bus error', why: status.error.message })
        break
      case 'staleConnection':
      case 'slowConsumer':
        options.onNotice({ level: 'warn', what: 'bus connection', why: status.type })
        break
      default:
        break
    }
  }
}

function guarded(subject: string, run: () => void): void {
  try {
    run()
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new WeftError('unavailable', { what: 'not published', on: subject, why, cause: thrown })
  }
}

function requestError(thrown: unknown, subject: string, timeoutMs: number): WeftError {
  const name = thrown instanceof Error ? thrown.name : ''
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.name : ''
  if ([name, cause].includes('NoRespondersError'))
    return new WeftError('unavailable', { what: 'nobody serves', on: subject, cause: thrown })
  if ([name, cause].includes('TimeoutError'))
    return new WeftError('deadline', { what: 'no answer', on: subject, why: `within ${timeoutMs} ms`, cause: thrown })
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  return new WeftError('unavailable', { what: 'request failed', on: subject, why, cause: thrown })
}
