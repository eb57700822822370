/**
 * Ops that the kernel refuses again and again are tried less and less often; what keeps failing stays reported.
 * Time comes in from outside.
 */
import { canonicalJson, type HostProblem, type Op, type WeftError } from '@weft/shared'
import { subjectOfOp } from './plan/subject-of-op.ts'

const FIRST_MS = 250
const MOST_MS = 30_000

interface Row {
  readonly op: Op
  readonly failures: number
  readonly notBefore: number
  readonly problem: HostProblem
}

export class OpBackoff {
  readonly #rows = new Map<string, Row>()

  /** Those of `ops` whose time has come; what is no longer wanted is forgotten. */
  due(ops: readonly Op[], now: number): Op[] {
    const keys = new Map(ops.map((op) => [canonicalJson(op), op]))
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key)
    return [...keys].filter(([key]) => (this.#rows.get(key)?.notBefore ?? 0) <= now).map(([, op]) => op)
  }

  /** The error is the op's own: `on` is the op in words. */
  failed(op: Op, error: WeftError, now: number): void {
    const key = canonicalJson(op)
    const failures = (this.#rows.get(key)?.failures ?? 0) + 1
    const { what, on, why } = error.parts
    const words = [what, on, why].filter((part) => part !== undefined && part !== '')
    const problem: HostProblem = {
      code: error.code,
      message: `kernel refused: ${words.join(': ')}`.slice(0, 2000),
      ...(error.parts.remedy === undefined ? {} : { remedy: error.parts.remedy.slice(0, 1000) }),
    }
    this.#rows.set(key, { op, failures, notBefore: now + Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 1)), problem })
  }

  /** A link that cannot be made is one problem, whatever else was to be done to it. */
  get problems(): HostProblem[] {
    const rows = [...this.#rows.values()]
    const unmade = new Set(rows.flatMap(({ op }) => (op.op === 'link-add' ? [subjectOfOp(op)] : [])))
    return rows.filter(({ op }) => op.op === 'link-add' || !unmade.has(subjectOfOp(op))).map(({ problem }) => problem)
  }

  /** When the next one is due; undefined when none waits. */
  get nextDue(): number | undefined {
    const times = [...this.#rows.values()].map(({ notBefore }) => notBefore)
    return times.length === 0 ? undefined : Math.min(...times)
  }
}
