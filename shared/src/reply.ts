/**
 * A reply between controller and agents, whoever asked: `{ok: …}` or `{error: ErrorBody}` as JSON text. A code that the
 * reader does not know (a newer version's) is taken for `internal`.
 */
import { z } from 'zod'
import { ERROR_CODES, type ErrorBody, type ErrorCode, WeftError } from './errors.ts'
import { parseJsonWith, parseWith } from './validate.ts'

const Reply = z.union([
  z.strictObject({ ok: z.unknown() }),
  z.strictObject({
    error: z.object({
      code: z
        .string()
        .transform((code): ErrorCode => (Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'internal')),
      what: z.string(),
      on: z.string().optional(),
      why: z.string().optional(),
      remedy: z.string().optional(),
      ambiguous: z.boolean().optional(),
    }),
  }),
])

export function okReply(value: unknown): string {
  return JSON.stringify({ ok: value })
}

/** Whatever was thrown as `{"error": ErrorBody}`; the cause stays behind. */
export function errorReply(thrown: unknown): string {
  return JSON.stringify({ error: WeftError.from(thrown).toBody() })
}

/**
 * The value of a reply, by its schema.
 * @param what names the reply in an error: "reply to claim"
 * @throws the error that was answered; `invalid` for what is no reply
 */
export function readReply<S extends z.ZodType>(schema: S, text: string, what: string): z.output<S> {
  const reply = parseJsonWith(Reply, text, what)
  if ('error' in reply) throw WeftError.fromBody(reply.error as ErrorBody)
  return parseWith(schema, reply.ok, what)
}
