import type { ClusterChange } from './pure/view.ts'

interface Reader {
  queue: ClusterChange[]
  wake: () => void
}

/** Changes kept for a slow reader before they collapse into one `reset`. */
const MOST_QUEUED = 5_000

/** Hands every change to every reader. Memory is bounded: a reader far behind is told to look at everything again. */
export class ChangeFeed {
  readonly #readers = new Set<Reader>()

  tell(change: ClusterChange): void {
    for (const reader of this.#readers) {
      if (reader.queue.length >= MOST_QUEUED) reader.queue = [{ ...change, reset: true, records: [] }]
      else reader.queue.push(change)
      reader.wake()
    }
  }

  /** From this call on, not from the first read: what happens in between is wanted. Ends with the signal. */
  subscribe(signal: AbortSignal): AsyncIterable<ClusterChange> {
    const reader: Reader = { queue: [], wake: () => {} }
    if (!signal.aborted) this.#readers.add(reader)
    signal.addEventListener('abort', () => {
      this.#readers.delete(reader)
      reader.wake()
    })
    return this.#read(reader, signal)
  }

  async *#read(reader: Reader, signal: AbortSignal): AsyncGenerator<ClusterChange> {
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
