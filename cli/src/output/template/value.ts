/**
 * Values as Go's templates see them. Text, numbers, booleans, null and arrays are JavaScript's own; structs and maps are
 * told apart, because Go prints, ranges over and looks into them differently. A plain object is a map of whatever it holds.
 */

/** A map: keys sorted where they are seen, and one value for keys that are not there (Go's zero value of the element). */
export class GoMap {
  readonly entries: ReadonlyMap<string, Value>
  readonly zero: Value

  constructor(entries: Readonly<Record<string, Value>>, zero: Value) {
    this.entries = new Map(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))
    this.zero = zero
  }
}

/** How a field is in JSON, where that is not under its own name and always. */
export interface JsonTag {
  readonly name?: string
  readonly omitEmpty?: true
}

/** A struct: fields in order, under the names that templates use. */
export class GoStruct {
  readonly fields: ReadonlyMap<string, Value>
  readonly tags: Readonly<Record<string, JsonTag>>

  constructor(fields: Readonly<Record<string, Value>>, tags: Readonly<Record<string, JsonTag>> = {}) {
    this.fields = new Map(Object.entries(fields))
    this.tags = tags
  }

  /** A field by its own name or by JSON's: Docker, too, tries one and then the other. */
  field(name: string): { readonly value: Value } | undefined {
    const own = this.fields.has(name) ? name : Object.keys(this.tags).find((each) => this.tags[each]?.name === name)
    return own === undefined ? undefined : { value: this.fields.get(own) }
  }
}

/** A time.Time in UTC, from text of ISO 8601. */
export class GoTime {
  readonly iso: string

  constructor(iso: string) {
    this.iso = iso
  }
}

/** A field that takes arguments, as `.Label "team"` of Docker's lists. */
export type Method = (...args: readonly Value[]) => Value

export interface PlainObject {
  readonly [key: string]: Value
}
export type Value =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Value[]
  | GoMap
  | GoStruct
  | GoTime
  | Method
  | PlainObject

/** The map that a value is; undefined when it is none. */
export function asMap(value: Value): GoMap | undefined {
  if (value instanceof GoMap) return value
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  if (value instanceof GoStruct || value instanceof GoTime) return undefined
  return new GoMap(value as PlainObject, undefined)
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

/** As `if` and `with` judge it: false, 0, and what is empty, are not. */
export function isTrue(value: Value): boolean {
  if (isList(value)) return value.length > 0
  const map = asMap(value)
  return map === undefined ? Boolean(value) : map.entries.size > 0
}

/** Go's name for the kind of a value, for errors. */
export function typeName(value: Value): string {
  if (value === null || value === undefined) return 'nil'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64'
  if (isList(value)) return 'slice'
  if (value instanceof GoStruct) return 'struct'
  if (value instanceof GoTime) return 'time.Time'
  if (asMap(value) !== undefined) return 'map'
  return typeof value === 'function' ? 'func' : 'string'
}

/** The value as data that JSON can carry, as Go's encoder would write it. */
export function toData(value: Value): unknown {
  if (isList(value)) return value.map(toData)
  if (value instanceof GoTime) return value.iso
  if (value instanceof GoStruct) {
    const kept = [...value.fields].filter(
      ([name, field]) => typeof field !== 'function' && !(value.tags[name]?.omitEmpty === true && isEmpty(field)),
    )
    return Object.fromEntries(kept.map(([name, field]) => [value.tags[name]?.name ?? name, toData(field)]))
  }
  const map = asMap(value)
  if (map === undefined) return value ?? null
  const told = [...map.entries].filter(([, each]) => each !== undefined && typeof each !== 'function')
  return Object.fromEntries(told.map(([key, each]) => [key, toData(each)]))
}

/** JSON as Docker's `json` function writes it: one line, keys of maps sorted. */
export function toJson(value: Value): string {
  return JSON.stringify(toData(value)).replace(/[\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`)
}

function isEmpty(value: Value): boolean {
  return value instanceof GoStruct || value instanceof GoTime ? false : !isTrue(value)
}
