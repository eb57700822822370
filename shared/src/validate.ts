/** From zod's findings to one error that names each value, the rule, and the remedy. */
import type { z } from 'zod'
import { WeftError } from './errors.ts'

/** Parses at an edge; throws `invalid` with every finding. `what` names the thing parsed: "network create request". */
export function parseWith<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const why = result.error.issues
    .slice(0, 8)
    .map((issue) => `${issue.path.join('.') || 'value'}${shown(input, issue.path)} ${issue.message}`)
    .join('; ')
  throw new WeftError('invalid', { what: `bad ${what}`, why })
}

/** Parses JSON text and then as {@link parseWith}; refuses prototype keys at any depth. */
export function parseJsonWith<S extends z.ZodType>(schema: S, text: string, what: string): z.output<S> {
  let value: unknown
  try {
    value = JSON.parse(text, (key, part) => {
      if (key === '__proto__') throw new SyntaxError('the key __proto__ is not allowed')
      return part
    })
  } catch (error) {
    throw new WeftError('invalid', { what: `bad ${what}`, why: `not JSON: ${(error as Error).message}`, cause: error })
  }
  return parseWith(schema, value, what)
}

function shown(input: unknown, path: readonly PropertyKey[]): string {
  let value: unknown = input
  for (const key of path) {
    if (value === null || typeof value !== 'object') return ''
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  if (typeof value !== 'string' && typeof value !== 'number') return ''
  const text = JSON.stringify(value)
  return ` ${text.length > 120 ? `${text.slice(0, 117)}…"` : text}`
}
