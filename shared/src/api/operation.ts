/** What an operation of the HTTP API consists of. */
import { z } from 'zod'

/** `params` are in the path, `query` behind `?`; a `stream` reply is one JSON object a line, without end. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly reply: z.ZodType
  readonly stream?: true
}

export type OperationTable = Readonly<Record<string, Operation>>

/** A name, or a uid or the beginning of one. */
export const Ref = z.string().min(1).max(128)

/** A yes or no in a query. */
export const BooleanText = z.enum(['true', 'false']).transform((text) => text === 'true')
