/** One finding of zod in the words of the house: the field with its value, the rule that it breaks, what to write instead. */
import { z } from 'zod'
import { closest } from './closest.ts'

export interface Finding {
  /** `subnets.0.gateway "10.1"` */
  readonly on: string
  /** Follows on `on`: `must be a number from 1 to 4094`. */
  readonly rule: string
  readonly remedy?: string
}

type Issue = z.core.$ZodIssue

/** @param schema with which the input was parsed: it knows the fields that there are */
export function findingOf(issue: Issue, input: unknown, schema: z.ZodType): Finding {
  if (issue.code === 'unrecognized_keys') return unknownField(issue, schema)
  if (issue.code === 'invalid_key' && issue.issues[0] !== undefined) {
    const name = pathText(issue.path.slice(0, -1))
    const key = JSON.stringify(cut(String(issue.path.at(-1) ?? '')))
    return { on: `the key ${key} of ${name}`, rule: ruleOf(issue.issues[0], undefined), ...remedyOf(issue.issues[0]) }
  }
  const value = valueAt(input, issue.path)
  return {
    on: issue.path.length === 0 && shown(value) !== '' ? shown(value).trim() : `${pathText(issue.path)}${shown(value)}`,
    rule: value === undefined && issue.code === 'invalid_type' ? 'is missing' : ruleOf(issue, value),
    ...remedyOf(issue),
  }
}

function unknownField(issue: Extract<Issue, { code: 'unrecognized_keys' }>, schema: z.ZodType): Finding {
  const known = fieldsAt(schema, issue.path)
  const [key = ''] = issue.keys
  const near = closest(key, known)
  const more = issue.keys.length > 1 ? ` (and ${issue.keys.length - 1} more)` : ''
  const taken = known.length === 0 ? 'leave it out' : `leave it out; there are ${known.join(', ')}`
  return {
    on: `${[...issue.path.map(String), cut(key)].join('.')}${more}`,
    rule: 'is not known here',
    remedy: near === undefined ? taken : `did you mean ${near}?`,
  }
}

/** The fields of the object at the path; none where the schema does not tell. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema
  for (const key of path) {
    at = bare(at)
    if (at instanceof z.ZodObject) at = at.shape[String(key)]
    else if (at instanceof z.ZodRecord) at = at.valueType
    else if (at instanceof z.ZodArray) at = at.element
    else return []
  }
  at = bare(at)
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

/** The schema of what is written, without what makes it optional or alters it. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return bare(schema.unwrap())
  return schema instanceof z.ZodPipe ? bare(schema.in instanceof z.ZodTransform ? schema.out : schema.in) : schema
}

/** A rule with its subject, unless it has one already. */
export function sentence(rule: string): string {
  return /^(must|is|has)\b/.test(rule) ? `it ${rule}` : rule
}

/** Our own rules are written as they are to be read; zod's are put into the same form. */
function ruleOf(issue: Issue, value: unknown): string {
  if (!/^(Invalid|Too|Unrecognized)\b/.test(issue.message)) return issue.message
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KIND[issue.expected] ?? issue.expected}${value === undefined ? '' : `, not ${kindOf(value)}`}`
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`
    case 'too_small':
      return bound('least', issue.origin, issue.minimum)
    case 'too_big':
      return bound('most', issue.origin, issue.maximum)
    case 'invalid_union':
      return 'is of no kind that is known here'
    default:
      return `is not understood (${issue.message})`
  }
}

const KIND: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}
const UNIT: Readonly<Record<string, string>> = { string: 'characters', array: 'entries' }

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction'
  return KIND[Array.isArray(value) ? 'array' : typeof value] ?? typeof value
}

function bound(which: 'least' | 'most', origin: string, limit: number | bigint): string {
  const unit = UNIT[origin]
  if (unit !== undefined && which === 'least' && limit === 1) return 'must not be empty'
  return unit === undefined ? `must be at ${which} ${limit}` : `must have at ${which} ${limit} ${unit}`
}

function remedyOf(issue: Issue): { remedy?: string } {
  const remedy: unknown = issue.code === 'custom' ? issue.params?.remedy : undefined
  return typeof remedy === 'string' ? { remedy } : {}
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map((key) => cut(String(key))).join('.') || 'the whole'
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input
  for (const key of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? ` ${quote(value)}` : ''
}

function quote(value: string | number): string {
  const text = JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 117)}…"` : text
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
