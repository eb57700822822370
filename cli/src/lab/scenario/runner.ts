/** Runs checks in their order and reports them. A failure does not end the run: the next check may well hold. */
import { WeftError } from '@weft/shared'
import { table } from '../../output/table.ts'
import type { Lab } from '../record.ts'
import type { Check } from './check.ts'

export interface CheckResult {
  readonly name: string
  readonly outcome: 'ok' | 'FAILED' | 'not run'
  /** What was seen, or why it does not hold. */
  readonly detail: string
  readonly elapsedMs: number
}

export interface RunnerOptions {
  /** Ctrl-C: the running check fails, the others are not run. */
  readonly signal: AbortSignal
  readonly nowMs: () => number
  /** Of each check; 5 minutes unless told. */
  readonly timeoutMs?: number
  readonly onStart?: (name: string) => void
}

const CHECK_MS = 300_000

/** Runs every check once, whatever came of those before. */
export async function runChecks(checks: readonly Check[], lab: Lab, options: RunnerOptions): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const check of checks) {
    if (options.signal.aborted) {
      results.push({ name: check.name, outcome: 'not run', detail: 'interrupted', elapsedMs: 0 })
      continue
    }
    options.onStart?.(check.name)
    results.push(await runCheck(check, lab, options))
  }
  return results
}

/** True when there were checks and every one held. */
export function allHeld(results: readonly CheckResult[]): boolean {
  return results.length > 0 && results.every((result) => result.outcome === 'ok')
}

async function runCheck(check: Check, lab: Lab, options: RunnerOptions): Promise<CheckResult> {
  const { name } = check
  const { timeoutMs = CHECK_MS, nowMs } = options
  const startMs = nowMs()
  const late = new AbortController()
  const over = new WeftError('deadline', { what: 'the check took too long', on: name, why: `over ${timeoutMs} ms` })
  const timer = setTimeout(() => late.abort(over), timeoutMs)
  const signal = AbortSignal.any([late.signal, options.signal])
  try {
    const detail = await Promise.race([check.run(lab), rejectOn(signal)])
    return { name, outcome: 'ok', detail, elapsedMs: nowMs() - startMs }
  } catch (error) {
    return { name, outcome: 'FAILED', detail: WeftError.from(error, name).message, elapsedMs: nowMs() - startMs }
  } finally {
    clearTimeout(timer)
  }
}

async function rejectOn(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted()
  return await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** The table of checks, the whole text of each failure below it, and a last line that counts. */
export function scenarioReport(results: readonly CheckResult[]): string {
  const rows = table(
    [
      { title: 'CHECK', value: (row: CheckResult) => row.name },
      { title: 'RESULT', value: (row) => row.outcome },
      { title: 'SECONDS', value: (row) => (row.elapsedMs / 1000).toFixed(1) },
      { title: 'DETAIL', value: (row) => firstLine(row.detail) },
    ],
    results,
  )
  const failed = results.filter((row) => row.outcome === 'FAILED')
  const details = failed.map((row) => `\nFAILED ${row.name}\n${row.detail.replace(/^/gm, '  ')}\n`).join('')
  const held = results.filter((row) => row.outcome === 'ok').length
  return `${rows}${details}\n${held} of ${results.length} checks held`
}

const DETAIL_LENGTH = 100

function firstLine(text: string): string {
  const line = text.split('\n')[0] ?? ''
  return line.length > DETAIL_LENGTH ? `${line.slice(0, DETAIL_LENGTH - 1)}…` : line
}
