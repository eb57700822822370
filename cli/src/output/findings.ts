/** Findings for a person: one line each, and under what is not well why it matters and what mends it. */
import type { DoctorFinding } from '@weft/shared'
import type { Colour, Paint } from './paint.ts'
import { table } from './table.ts'
import { printable } from './terminal.ts'

type Severity = DoctorFinding['severity']

const COLOURS = { ok: 'green', warn: 'yellow', error: 'red', skipped: 'dim' } as const satisfies Record<
  Severity,
  Colour
>
const ORDER = ['error', 'warn', 'skipped', 'ok'] as const satisfies readonly Severity[]

/** Worst last, where a terminal ends. */
export function worstLast(findings: readonly DoctorFinding[]): DoctorFinding[] {
  return [...findings].sort((a, b) => ORDER.indexOf(b.severity) - ORDER.indexOf(a.severity))
}

/** In their order. */
export function findingsScreen(findings: readonly DoctorFinding[], paint: Paint): string {
  const columns = [
    { title: 'RESULT', value: ({ severity }: DoctorFinding) => severity },
    { title: 'CHECK', value: ({ check }: DoctorFinding) => check },
    { title: 'ON', value: ({ hosts }: DoctorFinding) => hosts.join(' - ') || 'cluster' },
    { title: 'MEASURED', value: ({ measured }: DoctorFinding) => measured },
  ]
  const [head = '', ...rows] = table(columns, findings).trimEnd().split('\n')
  const lines = rows.flatMap((row, index) => {
    const finding = findings[index]
    if (finding === undefined) return []
    const { severity, why, remedy } = finding
    const painted = row.replace(severity, paint(COLOURS[severity], severity))
    return severity === 'ok' ? [painted] : [painted, ...under('why', why), ...under('mend', remedy)]
  })
  return `${[head, ...lines].join('\n')}\n`
}

function under(title: string, text: string | undefined): string[] {
  return text === undefined ? [] : [`          ${title}: ${printable(text)}`]
}

/** "2 errors, 1 warning, 20 ok, 1 skipped" */
export function tally(findings: readonly DoctorFinding[]): string {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length
  const some = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`
  return `${some(count('error'), 'error')}, ${some(count('warn'), 'warning')}, ${count('ok')} ok, ${count('skipped')} skipped`
}
