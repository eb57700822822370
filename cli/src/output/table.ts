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
