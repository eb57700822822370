/** What all lists have in common: -q, --no-trunc, --format. */
import { z } from 'zod'
import { jsonLine } from '../output/json.ts'
import { type Column, table } from '../output/table.ts'
import { print, type Terminal } from '../output/terminal.ts'
import { parseFormat } from './flags.ts'

export const ListFlags = z.strictObject({
  quiet: z.boolean().default(false),
  /** False with --no-trunc. */
  trunc: z.boolean().default(true),
  format: z.string(),
  filter: z.array(z.string()).default([]),
})
export type ListFlags = z.infer<typeof ListFlags>

export interface List<Row> {
  readonly id: (row: Row) => string
  readonly columns: readonly Column<Row>[]
}

/** Prints rows as ids, one JSON array or a table. Throws `invalid` for an unknown format. */
export function printList<Row>(
  terminal: Terminal,
  flags: Omit<ListFlags, 'filter'>,
  rows: readonly Row[],
  list: List<Row>,
): void {
  const format = parseFormat(flags.format)
  const ids = () => rows.map((row) => `${list.id(row)}\n`).join('')
  print(terminal, flags.quiet ? ids() : format === 'json' ? jsonLine(rows) : table(list.columns, rows))
}

/** An id as tables show it: its first 12 characters, unless --no-trunc. */
export function shortId(id: string, trunc: boolean): string {
  return trunc ? id.slice(0, 12) : id
}
