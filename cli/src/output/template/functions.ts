/** The functions of templates: Go's own (text/template) and Docker's (json, join, split, lower, upper, title, pad, truncate). */
import { inner, sprint } from './print.ts'
import { quote, sprintf } from './printf.ts'
import { asMap, GoStruct, isList, isTrue, toJson, typeName, type Value } from './value.ts'

/** A function gets its arguments evaluated; what it throws is told with the place of its call. */
export type TemplateFunction = (...args: readonly Value[]) => Value

/** `and` and `or` stop at the first argument that decides, and evaluate no more: evaluate.ts does them. */
export const LAZY = ['and', 'or'] as const

export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['not', (value) => !isTrue(value)],
  ['len', lengthOf],
  ['index', (value, ...keys) => keys.reduce(elementOf, value)],
  ['slice', sliceOf],
  ['print', (...values) => sprint(values)],
  ['println', (...values) => `${values.map(inner).join(' ')}\n`],
  ['printf', (format, ...values) => sprintf(textOf('printf', format), values)],
  ['eq', (first, ...others) => needed('eq', others).some((other) => equal(first, other))],
  ['ne', (a, b) => !equal(a, b)],
  ['lt', (a, b) => order(a, b) < 0],
  ['le', (a, b) => order(a, b) <= 0],
  ['gt', (a, b) => order(a, b) > 0],
  ['ge', (a, b) => order(a, b) >= 0],
  ['json', toJson],
  ['split', (text, by) => splitText(textOf('split', text), textOf('split', by))],
  [
    'join',
    (parts, by) =>
      listOf('join', parts)
        .map((part) => textOf('join', part))
        .join(textOf('join', by)),
  ],
  ['lower', (text) => textOf('lower', text).toLowerCase()],
  ['upper', (text) => textOf('upper', text).toUpperCase()],
  ['title', (text) => textOf('title', text).replace(/(?<![\p{L}\p{N}_'])\p{L}/gu, (first) => first.toUpperCase())],
  ['pad', padText],
  ['truncate', (text, length) => textOf('truncate', text).slice(0, numberOf('truncate', length))],
])

/** How many arguments a function takes, at least and at most. */
const COUNTS: Readonly<Record<string, readonly [number, number]>> = {
  not: [1, 1],
  len: [1, 1],
  index: [1, Infinity],
  slice: [1, 4],
  printf: [1, Infinity],
  eq: [1, Infinity],
  ne: [2, 2],
  lt: [2, 2],
  le: [2, 2],
  gt: [2, 2],
  ge: [2, 2],
  json: [1, 1],
  split: [2, 2],
  join: [2, 2],
  lower: [1, 1],
  upper: [1, 1],
  title: [1, 1],
  pad: [3, 3],
  truncate: [2, 2],
}

/** @throws when a function does not take so many arguments */
export function checkCount(name: string, got: number): void {
  const [least, most] = COUNTS[name] ?? [0, Infinity]
  if (got >= least && got <= most) return
  throw new Error(`wrong number of args for ${name}: want ${least === most ? '' : 'at least '}${least} got ${got}`)
}

/** For the headings of `table TEMPLATE`, where values are titles: Docker's functions leave them as they are. */
export const HEADING_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ...FUNCTIONS,
  ...['json', 'lower', 'upper', 'title', 'truncate', 'pad', 'join'].map(
    (name) => [name, (value: Value) => value] as const,
  ),
])

function needed(name: string, others: readonly Value[]): readonly Value[] {
  if (others.length === 0) throw new Error(`${name}: missing argument for comparison`)
  return others
}

function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (isList(value)) return value.length
  const map = asMap(value)
  if (map !== undefined) return map.entries.size
  throw new Error(value === null || value === undefined ? 'len of nil pointer' : `len of type ${typeName(value)}`)
}

function elementOf(value: Value, key: Value): Value {
  if (isList(value) || typeof value === 'string') {
    const at = numberOf('index', key)
    const size = isList(value) ? value.length : Buffer.byteLength(value)
    if (at < 0 || at >= size) throw new Error(`index out of range: ${at}`)
    return isList(value) ? value[at] : Buffer.from(value)[at]
  }
  const map = asMap(value)
  if (map !== undefined) {
    const name = textOf('index', key)
    return map.entries.has(name) ? map.entries.get(name) : map.zero
  }
  if (value === null || value === undefined) throw new Error('index of untyped nil')
  throw new Error(`can't index item of type ${typeName(value)}`)
}

function sliceOf(value: Value, from: Value = 0, to?: Value): Value {
  if (!isList(value) && typeof value !== 'string') throw new Error(`can't slice item of type ${typeName(value)}`)
  const size = isList(value) ? value.length : Buffer.byteLength(value)
  const [start, end] = [numberOf('slice', from), to === undefined ? size : numberOf('slice', to)]
  if (start < 0 || end > size || start > end)
    throw new Error(`index out of range: ${start < 0 || start > size ? start : end}`)
  return isList(value) ? value.slice(start, end) : Buffer.from(value).subarray(start, end).toString()
}

/** @throws for values that Go does not compare with one another */
function equal(a: Value, b: Value): boolean {
  const [first, second] = [comparable(a), comparable(b)]
  if (first === null || second === null) return first === second
  if (typeof first !== typeof second) throw new Error('incompatible types for comparison')
  return first === second
}

function comparable(value: Value): string | number | boolean | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  throw new Error(`non-comparable type ${typeName(value)}`)
}

function order(a: Value, b: Value): number {
  const [first, second] = [comparable(a), comparable(b)]
  if (typeof first === 'boolean' || first === null || second === null) throw new Error('invalid type for comparison')
  if (typeof first !== typeof second) throw new Error('incompatible types for comparison')
  return first < second ? -1 : first === second ? 0 : 1
}

function splitText(text: string, by: string): readonly string[] {
  return by === '' ? [...text] : text.split(by)
}

/** Docker's pad: spaces before and behind, unless there is nothing to pad. */
function padText(text: Value, before: Value, behind: Value): string {
  const content = textOf('pad', text)
  if (content === '') return content
  return ' '.repeat(numberOf('pad', before)) + content + ' '.repeat(numberOf('pad', behind))
}

function textOf(name: string, value: Value): string {
  if (typeof value === 'string') return value
  throw new Error(`${name} wants text, not ${described(value)}`)
}

function numberOf(name: string, value: Value): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value
  throw new Error(`${name} wants a whole number, not ${described(value)}`)
}

function listOf(name: string, value: Value): readonly Value[] {
  if (isList(value)) return value
  throw new Error(`${name} wants a list, not ${described(value)}`)
}

function described(value: Value): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return quote(value)
  return value instanceof GoStruct ? 'a struct' : `a ${typeName(value)}`
}
