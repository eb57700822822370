import type { Time } from './time.ts'

/** A queue between callbacks and one reading loop. */
export class Mailbox<T> {
  #queue: T[] = []
  #closed = false
  #wake: (() => void) | undefined

  get size(): number {
    return this.#queue.length
  }

  put(message: T): void {
    this.#queue.push(message)
    this.#wake?.()
  }

  /** Wakes the reader; from now on it gets nothing. */
  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  /** The next message; undefined when none came for `timeoutMs`, or when the mailbox is closed. */
  async take(time: Time, timeoutMs: number): Promise<T | undefined> {
    if (this.#queue.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        const cancel = time.after(timeoutMs, resolve)
        this.#wake = () => {
          cancel()
          resolve()
        }
      })
      this.#wake = undefined
    }
    return this.#closed ? undefined : this.#queue.shift()
  }
}
