/** What one revision, or a few in a row, changed, as a cache's readers see it. */
export interface Change<R> {
  readonly revision: number
  /** When the cache learned of it: wall clock, milliseconds. */
  readonly at: number
  /** Too much was missed to tell what changed: look at everything again. `records` is empty. */
  readonly reset: boolean
  readonly records: readonly R[]
}

interface Reader<R> {
  queue: Change<R>[]
  wake: () => void
}

/** Changes kept for a slow reader before they collapse into one `reset`. */
const MOST_QUEUED = 5_000

/** Hands every change to every reader. Memory is bounded: a reader far behind is told to look at everything again. */
export class ChangeFeed<R> {
  readonly #readers = new Set<Reader<R>>()

  tell(change: Change<R>): void {
    for (const reader of this.#readers) {
      if (reader.queue.length >= MOST_QUEUED) reader.queue = [{ ...change, reset: true, records: [] }]
      else reader.queue.push(change)
      reader.wake()
    }
  }

  /** From this call on, not from the first read: what happens in between is wanted. Ends with the signal. */
  subscribe(signal: AbortSignal): AsyncIterable<Change<R>> {
    const reader: Reader<R> = { queue: [], wake: () => {} }
    if (!signal.aborted) this.#readers.add(reader)
    signal.addEventListener('abort', () => {
      this.#readers.delete(reader)
      reader.wake()
    })
    return this.#read(reader, signal)
  }

  async *#read(reader: Reader<R>, signal: AbortSignal): AsyncGenerator<Change<R>> {
    try {
      while (!signal.aborted) {
        const change = reader.queue.shift()
        if (change !== undefined) yield change
        else {
          await new Promise<void>((resolve) => {
            reader.wake = resolve
          })
        }
      }
    } finally {
      this.#readers.delete(reader)
    }
  }
}
