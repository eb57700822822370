/** A lab for one test file: up before its tests, down after them, its name its own. */
import { afterAll, beforeAll } from 'vitest'
import { type BringUpOptions, bringUp, type Lab, parseEngine, takeDown } from '../../cli/src/lab/index.ts'

/** The engine that `npm run test:engines` asks for. */
export function wantedEngine(): Pick<BringUpOptions, 'engine'> {
  const { WEFT_TEST_ENGINE: engine } = process.env
  return engine === undefined ? {} : { engine: parseEngine(engine) }
}

/**
 * Registers the hooks; the returned function gives the lab while the tests run. On another engine the lab has another
 * name, so that it does not take down the one of the same file on the machine's own.
 */
export function useLab(file: string, options: Omit<BringUpOptions, 'name'> = {}): () => Lab {
  const { engine } = wantedEngine()
  const name = `${file}${engine ?? ''}`
  let lab: Lab | undefined
  beforeAll(async () => {
    await takeDown(name)
    lab = await bringUp({ ...(engine && { engine }), ...options, name })
  }, 180_000)
  afterAll(async () => {
    await takeDown(name)
  }, 120_000)
  return () => {
    if (lab === undefined) throw new Error(`lab ${name} is not up`)
    return lab
  }
}

/** Polls until the probe gives something other than undefined; throws with `what` and the last answer after `withinMs`. */
export async function eventually<T>(what: string, withinMs: number, probe: () => Promise<T | undefined>): Promise<T> {
  const began = performance.now()
  for (;;) {
    const seen = await probe()
    if (seen !== undefined) return seen
    if (performance.now() - began > withinMs) throw new Error(`${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
