/**
 * The bus in memory, for tests and simulation: the meaning of core NATS, with the faults that core NATS has, from a seed.
 * Deliveries happen one at a time, later than the call that caused them, never inside it.
 */
import { WeftError } from '@weft/shared'
import type { Bus, BusCounts, BusHandler, BusMessage, ServeOptions } from './bus.ts'
import { checkPattern, checkSize, checkSubject, settle } from './message.ts'

export interface ModelBusOptions {
  /** Numbers in [0, 1), from the seed. */
  readonly random: () => number
  /** Runs once later; in a simulation the scheduler's own. */
  readonly later: (run: () => void) => void
  /** Runs once after milliseconds, unless the returned function is called. */
  readonly after: (ms: number, run: () => void) => () => void
  /** Probabilities of each delivery: lost, doubled, and put at a random place among those under way. */
  readonly drop?: number
  readonly duplicate?: number
  readonly reorder?: number
}

interface Subscriber {
  readonly client: symbol
  readonly pattern: string
  readonly queue: string | undefined
  readonly hear: (message: BusMessage, answer: (text: string) => void) => void
}

/** The broker of one model; `connect` gives what one process has. */
export class ModelBroker {
  readonly #options: ModelBusOptions
  readonly #subscribers = new Set<Subscriber>()
  readonly #underWay: (() => void)[] = []

  constructor(options: ModelBusOptions) {
    this.#options = options
  }

  connect(): Bus & { readonly counts: BusCounts } {
    const client = Symbol('client')
    const counts: BusCounts = { garbage: 0, failures: 0, reconnects: 0 }
    let open = true
    let over: (reason: undefined) => void = () => {}
    const closed = new Promise<undefined>((resolve) => {
      over = resolve
    })
    const check = (subject: string, text: string) => {
      checkSubject(subject)
      checkSize(subject, text)
      if (!open) throw new WeftError('unavailable', { what: 'not published', on: subject, why: 'the bus is closed' })
    }
    return {
      counts,
      closed,
      publish: (subject, text) => {
        check(subject, text)
        this.#send({ subject, text }, () => {})
      },
      request: (subject, text, timeoutMs) => {
        return new Promise((resolve, reject) => {
          check(subject, text)
          const cancel = this.#options.after(timeoutMs, () =>
            reject(new WeftError('deadline', { what: 'no answer', on: subject, why: `within ${timeoutMs} ms` })),
          )
          const answer = (reply: string) => {
            cancel()
            resolve(reply)
          }
          if (this.#send({ subject, text }, answer) > 0) return
          cancel()
          reject(new WeftError('unavailable', { what: 'nobody serves', on: subject }))
        })
      },
      serve: (pattern: string, handler: BusHandler, options: ServeOptions = {}) => {
        checkPattern(pattern)
        const hear: Subscriber['hear'] = (message, answer) =>
          void settle(handler, message, counts, () => {}).then((text) => {
            if (text !== undefined && open) this.#carry(() => answer(text))
          })
        const subscriber: Subscriber = { client, pattern, queue: options.queue, hear }
        this.#subscribers.add(subscriber)
        return () => void this.#subscribers.delete(subscriber)
      },
      close: async () => {
        open = false
        for (const subscriber of this.#subscribers)
          if (subscriber.client === client) this.#subscribers.delete(subscriber)
        over(undefined)
      },
    }
  }

  /** Sends to every plain subscriber and to one of each queue; gives back how many were meant. */
  #send(message: BusMessage, answer: (text: string) => void): number {
    const groups = new Map<string | symbol, Subscriber[]>()
    for (const subscriber of this.#subscribers) {
      if (!matches(subscriber.pattern, message.subject)) continue
      const key = subscriber.queue === undefined ? Symbol('plain') : `${subscriber.pattern} ${subscriber.queue}`
      groups.set(key, [...(groups.get(key) ?? []), subscriber])
    }
    for (const group of groups.values()) {
      const chosen = group[Math.floor(this.#options.random() * group.length)]
      if (chosen === undefined) continue
      this.#carry(() => {
        if (this.#subscribers.has(chosen)) chosen.hear(message, answer)
      })
    }
    return groups.size
  }

  /** Puts one delivery under way, as the seed has it: not at all, twice, out of turn. */
  #carry(deliver: () => void): void {
    const { random, later, drop = 0, duplicate = 0, reorder = 0 } = this.#options
    if (random() < drop) return
    const copies = random() < duplicate ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const at = random() < reorder ? Math.floor(random() * (this.#underWay.length + 1)) : this.#underWay.length
      this.#underWay.splice(at, 0, deliver)
      later(() => this.#underWay.shift()?.())
    }
  }
}

/** NATS's matching: `*` is one token, a last `>` is one or more. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  if (wanted.at(-1) === '>')
    return tokens.length >= wanted.length && wanted.slice(0, -1).every((w, i) => w === '*' || w === tokens[i])
  return tokens.length === wanted.length && wanted.every((w, i) => w === '*' || w === tokens[i])
}
