/** Values as text: what `{{.}}`, `print` and printf's `%v` show (Go's package fmt). */
import { asMap, GoStruct, GoTime, isList, type Value } from './value.ts'

/** A value where a template shows it. */
export function show(value: Value): string {
  return value === null || value === undefined ? '<no value>' : inner(value)
}

/** A value inside another, or as an argument of print. */
export function inner(value: Value): string {
  if (value === null || value === undefined) return '<nil>'
  if (isList(value)) return `[${value.map(inner).join(' ')}]`
  if (value instanceof GoTime) return timeText(value)
  if (value instanceof GoStruct) {
    const fields = [...value.fields.values()].filter((field) => typeof field !== 'function')
    return `{${fields.map(inner).join(' ')}}`
  }
  const map = asMap(value)
  if (map !== undefined) return `map[${[...map.entries].map(([key, each]) => `${key}:${inner(each)}`).join(' ')}]`
  return typeof value === 'number' ? numberText(value) : String(value)
}

/** Go's `%v` of an integer or a float64 (`%g`: an exponent from 1e21 on and below 1e-4). */
export function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value)
  const small = Math.abs(value) < 1e-4
  return (small ? value.toExponential() : String(value)).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** fmt.Sprint: a space between two operands of which neither is text. */
export function sprint(values: readonly Value[]): string {
  return values
    .map((value, at) => {
      const before = values[at - 1]
      const gap = at > 0 && typeof value !== 'string' && typeof before !== 'string'
      return `${gap ? ' ' : ''}${inner(value)}`
    })
    .join('')
}

/** time.Time.String: `2026-11-21 15:34:03.82 +0000 UTC`. */
function timeText({ iso }: GoTime): string {
  const [, date = '', time = '', fraction = ''] = /^([\d-]+)T([\d:]+)(?:\.(\d+))?Z$/.exec(iso) ?? []
  if (date === '') return iso
  const rest = fraction.replace(/0+$/, '')
  return `${date} ${time}${rest === '' ? '' : `.${rest}`} +0000 UTC`
}
