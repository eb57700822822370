/** Progress of long work: a line per step with the time since the start, on stderr. */
import { note, printable, type Terminal } from './terminal.ts'

export interface Step {
  readonly step: string
  readonly elapsedMs: number
}

export function progressLine({ step, elapsedMs }: Step): string {
  return `[${(elapsedMs / 1000).toFixed(1).padStart(5)}s] ${printable(step)}`
}

export function showProgress(terminal: Terminal): (step: Step) => void {
  return (step) => note(terminal, progressLine(step))
}
