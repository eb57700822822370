/** Tables as Docker prints them: capital headings, columns three spaces apart, no lines. */
import { printable } from './terminal.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
}

/** The table as text, one line a row under the headings; ends with a newline. Cells hold no control characters. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map((column) => column.title)]
  for (const row of rows) lines.push(columns.map((column) => printable(column.value(row))))
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** Least width of a column and the gap behind it, in `--format 'table …'` (Docker's tabwriter: 10 and 3). */
const TABBED = { least: 10, gap: 3 } as const

/** Lines whose cells are parted by tabs as columns; what follows a line's last tab is not padded. */
export function alignTabs(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'))
  const widths: number[] = []
  for (const cells of lines) {
    for (const [at, cell] of cells.slice(0, -1).entries())
      widths[at] = Math.max(widths[at] ?? TABBED.least, cell.length + TABBED.gap)
  }
  return lines
    .map((cells) => cells.map((cell, at) => (at < cells.length - 1 ? cell.padEnd(widths[at] ?? 0) : cell)).join(''))
    .join('\n')
}
