/** A command on several things: it goes on after a failure, as Docker's do, and reports all of them. */
import { exitCodeOf, renderError } from '../output/errors.ts'
import { painter } from '../output/paint.ts'
import type { Context } from './spec.ts'

/** Does `task` for each in turn; every error goes to stderr, and the first one's code is the exit code. */
export async function forEach<T>(
  context: Context,
  items: readonly T[],
  task: (item: T) => Promise<void>,
): Promise<number | undefined> {
  const { stderr, env } = context.terminal
  const paint = painter(stderr, env)
  let exit: number | undefined
  for (const item of items) {
    try {
      await task(item)
    } catch (error) {
      stderr.write(renderError(error, { paint, debug: (env.WEFT_DEBUG ?? '') !== '' }))
      exit ??= exitCodeOf(error)
    }
  }
  return exit
}
