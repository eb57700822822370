/** What was started, ended in the opposite order. */
import { WeftError } from '@weft/shared'
import type { Log } from './log.ts'

export class Undo {
  readonly #steps: { readonly what: string; readonly run: () => Promise<void> | void }[] = []

  add(what: string, run: () => Promise<void> | void): void {
    this.#steps.push({ what, run })
  }

  /** Runs every step once, last first, whatever becomes of the others; gives back the errors. */
  async run(log: Log): Promise<WeftError[]> {
    const errors: WeftError[] = []
    for (const { what, run } of this.#steps.splice(0).reverse()) {
      try {
        await run()
      } catch (thrown) {
        const error = WeftError.from(thrown)
        log.error({ part: what, error: error.message }, 'part not stopped cleanly')
        errors.push(error)
      }
    }
    return errors
  }
}
