/**
 * What all lists have in common: -f, -q, --no-trunc, --format. A list is data; everything that flags say is checked by
 * {@link prepareList} before anything is asked of anybody.
 */
import { z } from 'zod'
import { jsonLine } from '../output/json.ts'
import { alignTabs, table } from '../output/table.ts'
import { compile, GoStruct, type Method, type Value } from '../output/template/index.ts'
import { print, printable, type Terminal } from '../output/terminal.ts'
import { parseFilters, parseListFormat } from './flags.ts'

export const ListFlags = z.strictObject({
  quiet: z.boolean().default(false),
  /** False with --no-trunc. */
  trunc: z.boolean().default(true),
  format: z.string(),
  filter: z.array(z.string()).default([]),
})
export type ListFlags = z.infer<typeof ListFlags>

export interface ListColumn<Row> {
  readonly title: string
  /** What templates call it; from the title (`ENDPOINT ID` is `EndpointID`) when absent. */
  readonly name?: string
  /** `trunc` is false with --no-trunc. */
  readonly value: (row: Row, trunc: boolean) => string
}

export interface Filter<Row> {
  /** Throws `invalid` for a value that can never match. */
  readonly check?: (wanted: string) => void
  readonly match: (row: Row, wanted: string) => boolean
  /** Every value must match; else one of them is enough. */
  readonly every?: true
}

export interface List<Row> {
  readonly id: (row: Row) => string
  readonly columns: readonly ListColumn<Row>[]
  /** What templates may ask for besides the columns. */
  readonly more?: Readonly<Record<string, (row: Row) => Value>>
  /** Fields of templates that take an argument: `.Label "team"`. */
  readonly methods?: Readonly<Record<string, (row: Row, argument: string) => string>>
  readonly filters?: Readonly<Record<string, Filter<Row>>>
  readonly order?: (a: Row, b: Row) => number
}

/**
 * From rows to the text to print: those that the filters let through, as ids, one JSON array, a table, or by a template.
 * @throws `invalid` for a filter or format that cannot be
 */
export function prepareList<Row>(flags: Partial<ListFlags>, list: List<Row>): (rows: readonly Row[]) => string {
  const { quiet = false, trunc = true, format = 'table', filter = [] } = flags
  const passes = rowFilter(list.filters ?? {}, filter)
  const show = shower(format, trunc, list)
  return (rows) => {
    const kept = rows.filter(passes)
    if (list.order !== undefined) kept.sort(list.order)
    return quiet ? kept.map((row) => `${list.id(row)}\n`).join('') : show(kept)
  }
}

/** Prints rows as {@link prepareList} says. */
export function printList<Row>(
  terminal: Terminal,
  flags: Partial<ListFlags>,
  rows: readonly Row[],
  list: List<Row>,
): void {
  print(terminal, prepareList(flags, list)(rows))
}

/** An id as tables show it: its first 12 characters, unless --no-trunc. */
export function shortId(id: string, trunc: boolean): string {
  return trunc ? id.slice(0, 12) : id
}

/** Whether a row has what `-f KEY=VALUE` ask for: one value of each key, or all of them where the filter says so. */
export function rowFilter<Row>(
  filters: Readonly<Record<string, Filter<Row>>>,
  texts: readonly string[],
): (row: Row) => boolean {
  const given = [...parseFilters(texts, Object.keys(filters))].flatMap(([key, values]) => {
    const filter = filters[key]
    for (const value of values) filter?.check?.(value)
    return filter === undefined ? [] : [{ filter, values }]
  })
  return (row) =>
    given.every(({ filter, values }) => {
      const match = (value: string) => filter.match(row, value)
      return filter.every ? values.every(match) : values.some(match)
    })
}

function shower<Row>(text: string, trunc: boolean, list: List<Row>): (rows: readonly Row[]) => string {
  const format = parseListFormat(text)
  if (format === 'json') return jsonLine
  if (format === 'table') {
    const columns = list.columns.map(({ title, value }) => ({ title, value: (row: Row) => value(row, trunc) }))
    return (rows) => table(columns, rows)
  }
  const template = compile(format.template)
  const lines = (rows: readonly Row[]) => rows.map((row) => `${template.render(fieldsOf(list, row, trunc))}\n`)
  if (!format.headings) return (rows) => lines(rows).map(keepBreaks).join('')
  return (rows) => alignTabs([`${template.headings(titlesOf(list))}\n`, ...lines(rows)].map(keepBreaks).join(''))
}

/** Control characters of values are shown as escapes; the template's own tabs and line breaks stay. */
function keepBreaks(text: string): string {
  return text.replace(/[^\n\t]+/g, printable)
}

function fieldsOf<Row>({ columns, more = {}, methods = {} }: List<Row>, row: Row, trunc: boolean): GoStruct {
  return new GoStruct({
    ...Object.fromEntries(columns.map((column) => [nameOf(column), column.value(row, trunc)])),
    ...mapped(more, (value) => value(row)),
    ...mapped(
      methods,
      (method): Method =>
        (argument) =>
          method(row, String(argument)),
    ),
  })
}

/** The columns' titles; of other fields their names (`CREATED AT`), of those with an argument the argument. */
function titlesOf<Row>({ columns, more = {}, methods = {} }: List<Row>): GoStruct {
  return new GoStruct({
    ...Object.fromEntries(columns.map((column) => [nameOf(column), column.title])),
    ...mapped(more, (_, name) => name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase()),
    ...mapped(methods, (): Method => (argument) => String(argument).toUpperCase()),
  })
}

function mapped<A, B>(record: Readonly<Record<string, A>>, make: (value: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(value, name)]))
}

const KEPT = ['ID', 'MAC', 'MTU', 'IP', 'VNI']

function nameOf<Row>({ title, name }: ListColumn<Row>): string {
  const words = title
    .split(/[^A-Z0-9]+/)
    .map((word) => (KEPT.includes(word) ? word : word.slice(0, 1) + word.slice(1).toLowerCase()))
  return name ?? words.join('')
}
