/** A template's tree, given a value: text. */
import { TemplateError } from './error.ts'
import { checkCount, FUNCTIONS, type TemplateFunction } from './functions.ts'
import { show } from './print.ts'
import type { Command, Node, Operand, Pipe } from './tree.ts'
import { asMap, GoStruct, isList, isTrue, typeName, type Value } from './value.ts'

/** Variables, innermost last. */
type Scope = { readonly name: string; value: Value }[]

interface State {
  readonly functions: ReadonlyMap<string, TemplateFunction>
  readonly scope: Scope
  readonly out: string[]
}

type Flow = 'on' | 'break' | 'continue'

/** @throws TemplateError */
export function evaluate(
  nodes: readonly Node[],
  data: Value,
  functions: ReadonlyMap<string, TemplateFunction> = FUNCTIONS,
): string {
  const state: State = { functions, scope: [{ name: '', value: data }], out: [] }
  walk(nodes, data, state)
  return state.out.join('')
}

function walk(nodes: readonly Node[], dot: Value, state: State): Flow {
  for (const node of nodes) {
    const flow = step(node, dot, state)
    if (flow !== 'on') return flow
  }
  return 'on'
}

function step(node: Node, dot: Value, state: State): Flow {
  switch (node.kind) {
    case 'text':
      state.out.push(node.text)
      return 'on'
    case 'break':
    case 'continue':
      return node.kind
    case 'show': {
      const value = pipeline(node.pipe, dot, state)
      if (typeof value === 'function') throw new TemplateError('it takes an argument', node.pipe.at)
      if (node.pipe.variables.length === 0) state.out.push(show(value))
      return 'on'
    }
    case 'range':
      return inScope(state, () => range(node, dot, state))
    default:
      return inScope(state, () => {
        const value = pipeline(node.pipe, dot, state)
        const inside = node.kind === 'with' ? value : dot
        return isTrue(value) ? walk(node.body, inside, state) : walk(node.otherwise, dot, state)
      })
  }
}

function inScope<T>({ scope }: State, work: () => T): T {
  const depth = scope.length
  try {
    return work()
  } finally {
    scope.length = depth
  }
}

function range(node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, dot: Value, state: State): Flow {
  const { pipe, body, otherwise } = node
  const over = pipeline({ ...pipe, variables: [] }, dot, state)
  const items = itemsOf(over, pipe.at)
  if (items.length === 0) return walk(otherwise, dot, state)
  for (const [key, value] of items) {
    const flow = inScope(state, () => {
      const values = pipe.variables.length === 2 ? [key, value] : [value]
      for (const [at, name] of pipe.variables.entries()) assign(state, pipe, name, values[at])
      return walk(body, value, state)
    })
    if (flow === 'break') break
  }
  return 'on'
}

function itemsOf(over: Value, at: number): readonly (readonly [Value, Value])[] {
  if (over === null || over === undefined) return []
  if (isList(over)) return over.map((value, index) => [index, value] as const)
  if (typeof over === 'number' && Number.isInteger(over))
    return Array.from({ length: over }, (_, index) => [index, index])
  const map = asMap(over)
  if (map === undefined) throw new TemplateError(`range can't iterate over a ${typeName(over)}`, at)
  return [...map.entries]
}

function pipeline(pipe: Pipe, dot: Value, state: State): Value {
  let value: Value
  for (const [at, each] of pipe.commands.entries()) value = command(each, dot, state, at === 0 ? [] : [value])
  for (const name of pipe.variables) assign(state, pipe, name, value)
  return value
}

function assign({ scope }: State, { declares, at }: Pipe, name: string, value: Value): void {
  if (declares) {
    scope.push({ name, value })
    return
  }
  const found = scope.findLast((each) => each.name === name)
  if (found === undefined) throw new TemplateError(`undefined variable "$${name}"`, at)
  found.value = value
}

/** One command with its arguments; `piped` is the value of the command before it, the last argument. */
function command({ operands: [head, ...args] }: Command, dot: Value, state: State, piped: readonly Value[]): Value {
  const { term } = head
  if (term.kind === 'function') {
    const value = call(term.name, head, args, dot, state, piped)
    return fields(value, head)
  }
  const value = operand(head, dot, state)
  const given = () => [...args.map((each) => operand(each, dot, state)), ...piped]
  if (typeof value === 'function') return attempt(head.at, () => value(...given()))
  if (args.length + piped.length > 0)
    throw new TemplateError(`${text(head)} is not a method but has arguments`, head.at)
  return value
}

function call(
  name: string,
  { at }: Operand,
  args: readonly Operand[],
  dot: Value,
  state: State,
  piped: readonly Value[],
): Value {
  if (name === 'and' || name === 'or') return decide(name, args, dot, state, piped, at)
  const run = state.functions.get(name)
  if (run === undefined) throw new TemplateError(`function "${name}" not defined`, at)
  const values = [...args.map((each) => operand(each, dot, state)), ...piped]
  attempt(at, () => checkCount(name, values.length))
  return attempt(at, () => run(...values), `error calling ${name}: `)
}

function decide(
  name: 'and' | 'or',
  args: readonly Operand[],
  dot: Value,
  state: State,
  piped: readonly Value[],
  at: number,
): Value {
  const values = [...args.map((each) => () => operand(each, dot, state)), ...piped.map((value) => () => value)]
  if (values.length === 0) throw new TemplateError(`wrong number of args for ${name}: want at least 1 got 0`, at)
  let value: Value
  for (const get of values) {
    value = get()
    if (isTrue(value) === (name === 'or')) return value
  }
  return value
}

function operand(given: Operand, dot: Value, state: State): Value {
  const { term, at } = given
  switch (term.kind) {
    case 'dot':
      return fields(dot, given)
    case 'nil':
      return null
    case 'constant':
      return term.value
    case 'variable': {
      const found = state.scope.findLast((each) => each.name === term.name)
      return fields(found?.value, given)
    }
    case 'pipe':
      return fields(
        inScope(state, () => pipeline(term.pipe, dot, state)),
        given,
      )
    case 'function':
      return fields(call(term.name, given, [], dot, state, []), given)
    default:
      throw new TemplateError('unexpected operand', at)
  }
}

/** The fields behind an operand, one after another. */
function fields(value: Value, { fields: names, at }: Operand): Value {
  return names.reduce((inside, name) => field(inside, name, at), value)
}

function field(value: Value, name: string, at: number): Value {
  if (value instanceof GoStruct) {
    const found = value.field(name)
    if (found !== undefined) return found.value
    throw new TemplateError(`can't evaluate field ${name}: there is ${[...value.fields.keys()].join(', ')}`, at)
  }
  if (value === null || value === undefined) throw new TemplateError(`nil data; no entry for key "${name}"`, at)
  const map = asMap(value)
  if (map === undefined) throw new TemplateError(`can't evaluate field ${name} in type ${typeName(value)}`, at)
  if (map === value || map.entries.has(name)) return map.entries.get(name)
  throw new TemplateError(`map has no entry for key "${name}"; it has ${[...map.entries.keys()].join(', ')}`, at)
}

function attempt<T>(at: number, work: () => T, prefix = ''): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof TemplateError) throw error
    throw new TemplateError(`${prefix}${(error as Error).message}`, at)
  }
}

/** An operand as it was written, for errors. */
function text({ term, fields: names }: Operand): string {
  const head = term.kind === 'variable' ? `$${term.name}` : term.kind === 'constant' ? JSON.stringify(term.value) : ''
  return `${head}${names.map((name) => `.${name}`).join('')}` || '.'
}
