/** Types made from the OPERATIONS table: what a handler gets and gives. */
import { type Operation as AnyOperation, OPERATIONS, type OperationName } from '@weft/shared'
import type { z } from 'zod'
import type { Actor } from '../domain/index.ts'

type Operation<O extends OperationName> = (typeof OPERATIONS)[O]
type Part<O extends OperationName, P extends string> =
  Operation<O> extends Record<P, infer S extends z.ZodType> ? z.output<S> : Record<never, never>

export interface Input<O extends OperationName> {
  readonly params: Part<O, 'params'>
  readonly query: Part<O, 'query'>
  readonly body: Part<O, 'body'>
}

export type Reply<O extends OperationName> = z.output<Operation<O>['reply']>

/** A reply with the etcd revision that it is true at, which travels as `X-Weft-Revision`. */
export interface Answer<T> {
  readonly reply: T
  readonly revision: number
  /** The store did not answer: this is what was known last. Travels as `X-Weft-Stale: true`. */
  readonly stale?: boolean
}

export interface RequestContext {
  /** Aborted when the client is gone, the deadline has passed or the server closes. */
  readonly signal: AbortSignal
  /** Who asks, as audit records tell it. */
  readonly actor: Actor
}

type StreamName = { [O in OperationName]: Operation<O> extends { stream: true } ? O : never }[OperationName]

export type Handlers = {
  readonly [O in Exclude<OperationName, StreamName>]: (
    input: Input<O>,
    context: RequestContext,
  ) => Promise<Answer<Reply<O>>>
} & {
  readonly [O in StreamName]: (input: Input<O>, context: RequestContext) => AsyncIterable<Reply<O>>
}

/** Handlers of a noun's operations: those whose names begin with it. */
export type NounHandlers<N extends string> = Pick<Handlers, Extract<OperationName, `${N}${string}`>>

/** The same, for a name that is known only at run time. */
export const SHAPES: Readonly<Record<OperationName, AnyOperation>> = OPERATIONS
