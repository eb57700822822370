/** Every operation of the HTTP API, out of its schemas, and the codes of errors; pure. */
import type { ERROR_CODES, OPERATIONS, Operation } from '@weft/shared'
import { z } from 'zod'
import { code, heading, paragraph, table } from './markdown.ts'

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly format?: string
}

export function apiReference(operations: typeof OPERATIONS, codes: typeof ERROR_CODES): string {
  return [
    heading(1, 'HTTP API'),
    paragraph(
      'Made from the table of operations. Over the unix socket of the controller, or TLS with `Authorization: Bearer SECRET`. Bodies are JSON. `X-Weft-Revision` of an answer is the etcd revision at which it is true; `X-Weft-Stale: true` says that etcd did not answer.',
    ),
    heading(2, 'Errors'),
    paragraph('`{"error": {"code", "what", "on", "why", "remedy"}}`; the CLI ends with the exit code.'),
    table(
      ['code', 'HTTP', 'exit code', 'worth repeating'],
      Object.entries(codes).map(([name, { http, exit, retry }]) => [
        code(name),
        `${http}`,
        `${exit}`,
        retry ? 'yes' : '',
      ]),
    ),
    ...Object.entries(operations as Readonly<Record<string, Operation>>).flatMap(([name, operation]) =>
      section(name, operation),
    ),
  ].join('')
}

function section(name: string, { method, path, params, query, body, reply, stream }: Operation): string[] {
  return [
    heading(2, name),
    paragraph(code(`${method} ${path}`)),
    fields('in the path', params),
    fields('in the query', query),
    fields('in the body', body),
    fields(stream === true ? 'in each line of the answer' : 'in the answer', reply),
  ]
}

function fields(where: string, schema: z.ZodType | undefined): string {
  if (schema === undefined) return ''
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const object = json.type === 'array' ? (json.items ?? {}) : json
  const title = `${where}${json.type === 'array' ? ', for each' : ''}`
  const rows = Object.entries(object.properties ?? {}).map(([name, field]) => {
    return [code(name), code(typeText(field)), object.required?.includes(name) === true ? '' : 'optional']
  })
  return rows.length === 0 ? paragraph(`${title}: ${code(typeText(json))}`) : table([title, 'type', ''], rows)
}

/** A schema in a few words: `string`, `a|b`, `{subnet, gateway?}[]`. */
function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.join('|')
  const either = schema.anyOf ?? schema.oneOf
  if (either !== undefined) return [...new Set(either.map(typeText))].join('|')
  if (schema.type === 'array') return `${typeText(schema.items ?? {})}[]`
  if (schema.type !== 'object') return [schema.type ?? 'any'].flat().join('|')
  const names = Object.keys(schema.properties ?? {})
  if (names.length === 0) {
    const values = typeof schema.additionalProperties === 'object' ? typeText(schema.additionalProperties) : 'any'
    return `{name: ${values}}`
  }
  return `{${names.map((name) => (schema.required?.includes(name) === true ? name : `${name}?`)).join(', ')}}`
}
