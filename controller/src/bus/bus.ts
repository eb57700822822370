/**
 * The bus as the rest of the controller sees it: core NATS or the model of it, with one meaning.
 * Delivery is at most once and may be lost without a word (FACTS.md N3): whatever must arrive is asked for again by
 * whoever misses it. A handler never brings the bus down: what it throws is answered as an error and counted.
 */

/** One message as it arrived. `text` is valid UTF-8: anything else is refused before a handler sees it. */
export interface BusMessage {
  readonly subject: string
  readonly text: string
}

/** Answers a request by returning text; whoever only listens returns nothing. */
export type BusHandler = (message: BusMessage) => Promise<string | undefined> | undefined

export interface ServeOptions {
  /** Of all that serve under one queue name, one gets each message. Without it everyone gets every message. */
  readonly queue?: string
}

export interface Bus {
  /**
   * Sends and forgets. @throws `invalid` for a bad subject or a text over {@link MAX_PAYLOAD}, `unavailable` when closed.
   */
  publish(subject: string, text: string): void
  /**
   * Sends and waits for the first answer.
   * @throws `unavailable` when nobody serves the subject, `deadline` when nobody answered in `timeoutMs`.
   */
  request(subject: string, text: string, timeoutMs: number): Promise<string>
  /** Hears a subject (`*` is one token, a last `>` is the rest) until the returned function is called. */
  serve(subject: string, handler: BusHandler, options?: ServeOptions): () => void
  /** Sends what is under way and ends the connection. */
  close(): Promise<void>
  /** Resolves when the bus is over for good: nothing after `close`, the reason otherwise, and that is fatal (N2). */
  readonly closed: Promise<Error | undefined>
}

/** What a bus counts, for the log and for `doctor`. */
export interface BusCounts {
  /** Messages that were no UTF-8 text. */
  garbage: number
  /** Handlers that threw. */
  failures: number
  reconnects: number
}

/** Bytes; nats-server's own default of `max_payload`. */
export const MAX_PAYLOAD = 1_048_576
