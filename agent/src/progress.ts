/** How far the host is and what is in the way, as its controller is told: of passes, of Docker's networks, of every part. */
import type { HostProblem, Position } from '@weft/shared'
import type { PassResult } from './reconcile.ts'
import type { StateStore } from './state/store.ts'

export interface ProgressOptions {
  readonly store: Pick<StateStore, 'current' | 'failure'>
  /** Revision up to which Docker has the networks. */
  readonly networksApplied: () => number
  /** What parts of the agent say of themselves. */
  readonly others: () => readonly HostProblem[]
  /** There is something new to tell. `isThere`: the host has applied all that it has accepted, which somebody may be waiting for. */
  readonly tell: (isThere: boolean) => void
}

export class Progress {
  readonly #options: ProgressOptions
  #applied = 0
  #ofPass: readonly HostProblem[] = []
  #told = ''

  constructor(options: ProgressOptions) {
    this.#options = options
  }

  get applied(): number {
    return Math.min(this.#applied, this.#options.networksApplied())
  }

  get problems(): readonly HostProblem[] {
    const { failure } = this.#options.store
    const ofStore = failure === undefined ? [] : [{ code: failure.code, message: failure.message }]
    return [...ofStore, ...this.#ofPass, ...this.#options.others()]
  }

  /** Takes what came of a pass; true when something that was in the way no longer is. */
  passed({ applied, problems }: Pick<PassResult, 'applied' | 'problems'>): boolean {
    this.#applied = Math.max(this.#applied, applied ?? 0)
    const messages = new Set(problems.map(({ message }) => message))
    const isMended = this.#ofPass.some(({ message }) => !messages.has(message))
    this.#ofPass = problems
    return isMended
  }

  /**
   * An intent was accepted. True when passes had applied the one before it, with nothing in the way: one that changes
   * nothing for the kernel is then applied as it is.
   */
  accepted(previous: Position | null): boolean {
    // Revisions may begin anew after a restore.
    if (previous?.incarnation !== this.#options.store.current.position?.incarnation) this.#applied = 0
    return this.#ofPass.length === 0 && this.#applied === previous?.revision
  }

  /** The kernel is as this revision wants it without a pass. */
  appliedAsItIs(revision: number): void {
    this.#applied = revision
  }

  tellIfNew(): void {
    const { position } = this.#options.store.current
    const text = JSON.stringify([this.applied, this.problems, position])
    if (text === this.#told) return
    this.#told = text
    this.#options.tell(this.applied === position?.revision)
  }
}
