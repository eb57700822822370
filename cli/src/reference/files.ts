/** What files of `weft apply` may say, out of the schemas that read them; pure. */
import { z } from 'zod'
import type { Kind } from '../declare/kind.ts'
import { code, heading, paragraph, table } from './markdown.ts'

export function fileReference(kinds: readonly Pick<Kind<unknown>, 'key' | 'summary' | 'schema' | 'names'>[]): string {
  return [
    heading(1, 'Files of weft apply'),
    paragraph(
      'Made from the schemas that read them. YAML; a section for each kind of thing. What a file names is described whole; what it does not name is left alone without `--prune`, and of kinds that it does not have always.',
    ),
    ...kinds.flatMap(({ key, summary, schema, names }) => [
      heading(2, key),
      paragraph(summary),
      table(['key', 'value', 'what it means'], rows(schema, key, names, '')),
    ]),
  ].join('')
}

function rows(schema: z.ZodType, path: string, names: readonly string[], about: string): string[][] {
  const { inner, description, fallback } = unwrapped(schema)
  const told = description ?? about
  if (inner instanceof z.ZodObject)
    return Object.entries(inner.shape).flatMap(([key, field]) => rows(field as z.ZodType, `${path}.${key}`, names, ''))
  if (inner instanceof z.ZodRecord && names.length > 0) {
    const [name = '', ...rest] = names
    return rows(inner.valueType as z.ZodType, `${path}.${name}`, rest, told)
  }
  if (inner instanceof z.ZodArray && unwrapped(inner.element as z.ZodType).inner instanceof z.ZodObject)
    return rows(inner.element as z.ZodType, `${path}[]`, names, told)
  const otherwise =
    fallback === undefined || typeof fallback === 'object' ? '' : `; ${code(String(fallback))} when left out`
  return [[code(path), typeText(inner), `${told}${told === '' ? otherwise.slice(2) : otherwise}`]]
}

interface Unwrapped {
  readonly inner: z.ZodType
  readonly description: string | undefined
  readonly fallback: unknown
}

/** The schema of what is written, with what is said of it on the way; what is outside counts. */
function unwrapped(schema: z.ZodType): Unwrapped {
  const description = schema.meta()?.description
  const [below, fallback] = layerOf(schema)
  if (below === undefined) return { inner: schema, description, fallback: undefined }
  const inside = unwrapped(below)
  return {
    inner: inside.inner,
    description: description ?? inside.description,
    fallback: fallback ?? inside.fallback,
  }
}

/** What an optional, defaulted or altered schema is made of, and its default. */
function layerOf(schema: z.ZodType): readonly [below?: z.ZodType, fallback?: unknown] {
  if (schema instanceof z.ZodDefault) return [schema.unwrap() as z.ZodType, schema.def.defaultValue]
  if (schema instanceof z.ZodOptional) return [schema.unwrap() as z.ZodType]
  if (!(schema instanceof z.ZodPipe)) return []
  return [(schema.in instanceof z.ZodTransform ? schema.out : schema.in) as z.ZodType]
}

function typeText(schema: z.ZodType): string {
  const { inner } = unwrapped(schema)
  if (inner instanceof z.ZodBoolean) return 'true or false'
  if (inner instanceof z.ZodNumber) return 'number'
  if (inner instanceof z.ZodLiteral) return code([...inner.values].join(' '))
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => code(String(option))).join(' or ')
  if (inner instanceof z.ZodUnion) return inner.options.map((option) => typeText(option as z.ZodType)).join(', ')
  if (inner instanceof z.ZodArray) return 'list of texts'
  return inner instanceof z.ZodRecord ? 'map of texts' : 'text'
}
