/** What a template is once it has been read. */

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'show'; readonly pipe: Pipe }
  | {
      readonly kind: 'if' | 'with' | 'range'
      readonly pipe: Pipe
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
    }
  | { readonly kind: 'break' | 'continue' }

export interface Pipe {
  /** Variables that get the value: none, one, or with `range` index and element. */
  readonly variables: readonly string[]
  /** `:=` makes them, `=` gives them another value. */
  readonly declares: boolean
  readonly commands: readonly Command[]
  readonly at: number
}

export interface Command {
  readonly operands: readonly [Operand, ...Operand[]]
  readonly at: number
}

export interface Operand {
  readonly term: Term
  /** Fields behind it: `.A.B` is `dot` with two. */
  readonly fields: readonly string[]
  readonly at: number
}

export type Term =
  | { readonly kind: 'dot' | 'nil' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: string | number | boolean }
  | { readonly kind: 'pipe'; readonly pipe: Pipe }
