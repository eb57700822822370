/**
 * The one gate for what comes from outside: flags, HTTP, NATS, etcd, Docker's calls, files.
 *
 * Invariants
 * - Prototype keys and bottomless nesting are refused here, before any schema: zod drops `__proto__` without a word.
 * - Every refusal has the value, the rule and what to do.
 */
import type { z } from 'zod'
import { WeftError } from './errors.ts'
import { type Finding, findingOf, sentence } from './finding.ts'

/** Nesting of arrays and objects; the deepest message of ours has six. */
const MOST_NESTING = 32
/** Findings that one error tells. */
const MOST_FINDINGS = 8

/** Parses at an edge; throws `invalid` with every finding. `what` names the thing parsed: "network create request". */
export function parseWith<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  refuseHostile(input, what)
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const findings = result.error.issues.slice(0, MOST_FINDINGS).map((issue) => findingOf(issue, input, schema))
  throw errorOf(findings, what)
}

/** A finding and where in the input it is. */
export interface PlacedFinding extends Finding {
  readonly path: readonly PropertyKey[]
}

/** As {@link parseWith}, for inputs whose parts have places that an error should tell. Throws only for hostile ones. */
export function inspectWith<S extends z.ZodType>(
  schema: S,
  input: unknown,
  what: string,
): { readonly data: z.output<S> } | { readonly findings: readonly PlacedFinding[] } {
  refuseHostile(input, what)
  const result = schema.safeParse(input)
  if (result.success) return { data: result.data }
  const findings = result.error.issues.slice(0, MOST_FINDINGS).map((issue) => {
    const [key] = issue.code === 'unrecognized_keys' ? issue.keys : []
    return { ...findingOf(issue, input, schema), path: key === undefined ? issue.path : [...issue.path, key] }
  })
  return { findings }
}

/** Parses JSON text and then as {@link parseWith}. */
export function parseJsonWith<S extends z.ZodType>(schema: S, text: string, what: string): z.output<S> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const why = `it is not JSON: ${(cause as Error).message}`
    throw new WeftError('invalid', { what: `bad ${what}`, why, remedy: 'send one JSON text', cause })
  }
  return parseWith(schema, value, what)
}

function errorOf([first, ...others]: readonly Finding[], what: string): WeftError {
  const also = others.map(({ on, rule }) => `; ${on} ${rule}`).join('')
  const { on = 'the whole', rule = 'is not understood', remedy = 'correct it and try again' } = first ?? {}
  return new WeftError('invalid', { what: `bad ${what}`, on, why: `${sentence(rule)}${also}`, remedy })
}

/** Looks at every key, however deep, without recursion: the input may be hostile. */
function refuseHostile(input: unknown, what: string): void {
  if (input === null || typeof input !== 'object') return
  const refuse = (on: string, why: string, remedy: string) => {
    throw new WeftError('invalid', { what: `bad ${what}`, on, why, remedy })
  }
  let level: object[] = [input]
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MOST_NESTING) refuse('nesting', `it is deeper than ${MOST_NESTING} levels`, 'send a flatter one')
    const next: object[] = []
    for (const part of level) {
      if (Object.hasOwn(part, '__proto__')) refuse('__proto__', 'the key __proto__ is not allowed', 'leave it out')
      for (const value of Array.isArray(part) ? part : Object.values(part)) {
        if (value !== null && typeof value === 'object') next.push(value)
      }
    }
    level = next
  }
}
