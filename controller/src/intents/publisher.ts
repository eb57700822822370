/**
 * From changes of the cluster to what every host should have, and from the leader to the hosts.
 *
 * Invariants
 * - Every controller keeps the targets, so that any can answer; only the leader pushes.
 * - Nothing is pushed before the cluster's first list is complete (TRUTH.md agent contract 5): the cache is opened first.
 * - For a host on hold nothing is compiled: an intent made without a record that cannot be read would take from it
 *   what it should keep. It stays as it is.
 * - A push may be lost. What the host lacks shows in the next heartbeat of either side, and the host pulls.
 */
import { type IntentDelta, intentSubject, type Position, pokeSubject } from '@weft/shared'
import type { Bus } from '../bus/index.ts'
import type { Log } from '../log.ts'
import type { Board } from './board.ts'
import type { TargetChange, Targets } from './targets.ts'

/** A delta whose text is longer is not pushed: the host is poked and pulls pages. */
const DELTA_LIMIT = 512 * 1024

/** What the publisher must know of the cluster; the domain's functions behind it are pure. */
export interface IntentSource<Change extends { readonly revision: number }> {
  /** Everything up to here is in what the other functions answer. */
  revision(): number
  cluster(): string
  incarnation(): number
  hosts(): readonly { readonly id: string; readonly epoch: number }[]
  /** Hosts whose intents hang on something that cannot be read. */
  onHold(): ReadonlySet<string>
  compile(host: string): Parameters<Targets['update']>[1]
  affected(change: Change): Iterable<string>
  /** Every change from the call of the iterator's first `next` on, none left out. */
  changes(signal: AbortSignal): AsyncIterable<Change>
  /** Resolves when `revision()` is there. */
  waitFor(revision: number, signal: AbortSignal): Promise<unknown>
}

export interface PublisherOptions<Change extends { readonly revision: number }> {
  readonly source: IntentSource<Change>
  readonly targets: Targets
  readonly board: Board
  readonly bus: Pick<Bus, 'publish'>
  readonly isLeader: () => boolean
  readonly log: Log
  /** Changes of one host within this time travel as one delta. */
  readonly coalesceMs: number
  /** Runs once later. */
  readonly after: (ms: number, run: () => void) => void
}

export class Publisher<Change extends { readonly revision: number }> {
  readonly #options: PublisherOptions<Change>
  readonly #dirty = new Set<string>()
  #scheduled = false
  #held: ReadonlySet<string> = new Set()

  constructor(options: PublisherOptions<Change>) {
    this.#options = options
  }

  /** Compiles everyone, then follows the changes until the signal. `started` is called in between. */
  async run(signal: AbortSignal, started: () => void): Promise<void> {
    const { source } = this.#options
    const changes = source.changes(signal)[Symbol.asyncIterator]()
    let next = changes.next()
    this.#markAll()
    this.flush()
    started()
    for (let result = await next; result.done !== true; result = await next) {
      for (const host of source.affected(result.value)) this.#dirty.add(host)
      next = changes.next()
      this.#schedule()
    }
  }

  /** Resolves when the targets reflect everything up to the revision. */
  async targetsAt(revision: number, signal: AbortSignal): Promise<void> {
    await this.#options.source.waitFor(revision, signal)
    // The change that brought the revision may still be on its way through the iterator: compiling all is always right.
    this.#markAll()
    this.flush()
  }

  /** Compiles one host now: it joined a moment ago, and asks before the change has come by. */
  ensure(host: string): void {
    this.#dirty.add(host)
    this.flush()
  }

  /** Tells every host where it should stand; whoever stands elsewhere pulls. For leaders: on election and as heartbeat. */
  pokeAll(): void {
    for (const { id } of this.#options.source.hosts()) this.#poke(id)
  }

  /** Compiles the hosts that changes have touched, and pushes what became different. */
  flush(): void {
    const { source, log } = this.#options
    const [before, held] = [this.#held, source.onHold()]
    const [stopped, resumed] = [
      [...held].filter((host) => !before.has(host)),
      [...before].filter((host) => !held.has(host)),
    ]
    this.#held = held
    if (stopped.length > 0)
      log.error({ hosts: stopped }, 'intents on hold: etcd records cannot be read, see weft status')
    this.#compile()
    if (resumed.length === 0) return
    log.info({ hosts: resumed }, 'intents go on')
    for (const host of resumed) this.#poke(host)
  }

  /** Those on hold are left for later. */
  #compile(): void {
    const { source, targets, board } = this.#options
    const revision = source.revision()
    const incarnation = source.incarnation()
    const known = new Map(source.hosts().map(({ id, epoch }) => [id, epoch]))
    for (const host of this.#dirty) {
      if (this.#held.has(host)) continue
      this.#dirty.delete(host)
      const epoch = known.get(host)
      if (epoch === undefined) {
        targets.forget(host)
        board.forget(host)
        continue
      }
      const change = targets.update(host, source.compile(host), incarnation, revision)
      if (change !== undefined) this.#push(host, epoch, change)
    }
    board.changed()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#options.after(this.#options.coalesceMs, () => {
      this.#scheduled = false
      this.flush()
    })
  }

  #markAll(): void {
    for (const { id } of this.#options.source.hosts()) this.#dirty.add(id)
    for (const host of this.#options.targets.hosts()) this.#dirty.add(host)
  }

  #poke(host: string): void {
    const target = this.#options.targets.get(host)
    if (target !== undefined && this.#options.isLeader()) this.#publish(pokeSubject(host), target.position)
  }

  #push(host: string, epoch: number, change: TargetChange): void {
    if (!this.#options.isLeader()) return
    const { previous, position, put, remove } = change
    const delta: IntentDelta = {
      cluster: this.#options.source.cluster(),
      host,
      epoch,
      ...position,
      previous,
      put,
      remove,
    }
    const text = JSON.stringify(delta)
    if (Buffer.byteLength(text) > DELTA_LIMIT) {
      this.#publish(pokeSubject(host), position)
      return
    }
    this.#options.log.debug(
      { host, revision: position.revision, put: put.length, remove: remove.length },
      'intent pushed',
    )
    this.#publishText(intentSubject(host), text)
  }

  #publish(subject: string, position: Position): void {
    this.#publishText(subject, JSON.stringify(position))
  }

  #publishText(subject: string, text: string): void {
    try {
      this.#options.bus.publish(subject, text)
    } catch (error) {
      // The host learns of it from the next heartbeat; a closed bus ends the controller by itself.
      this.#options.log.warn({ subject, error: String(error) }, 'push failed')
    }
  }
}
