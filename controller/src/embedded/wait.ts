/** Waiting for things that tell nobody when they are done: other processes and their ports. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks every 20 ms until it is so; false when `timeoutMs` have passed. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs
  for (;;) {
    if (await condition()) return true
    if (performance.now() >= end) return false
    await sleep(20)
  }
}
