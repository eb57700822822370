import type { Time } from '../../controller/src/store/time.ts'

/** Time that stands still until it is told to go on; timers run in order of their due time, then of their making. */
export class ManualTime implements Time {
  #nowMs = 0
  #serial = 0
  #timers = new Map<number, { dueMs: number; run: () => void }>()

  monotonicMs(): number {
    return this.#nowMs
  }

  after(ms: number, run: () => void): () => void {
    const id = ++this.#serial
    this.#timers.set(id, { dueMs: this.#nowMs + Math.max(0, ms), run })
    return () => this.#timers.delete(id)
  }

  /** Jumps without running timers, as a frozen process does. */
  freeze(ms: number): void {
    this.#nowMs += ms
  }

  /** Goes on by `ms`, running what falls due and letting promises settle in between. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      await settle()
      const next = [...this.#timers].sort(([a, x], [b, y]) => x.dueMs - y.dueMs || a - b)[0]
      if (next === undefined || next[1].dueMs > endMs) break
      this.#timers.delete(next[0])
      this.#nowMs = Math.max(this.#nowMs, next[1].dueMs)
      next[1].run()
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
  }
}

/** Lets promises that need nothing but promises settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
