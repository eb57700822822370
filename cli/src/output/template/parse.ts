/** A Go template as a tree. The grammar is that of Go's text/template, without `define`, `template` and `block`. */
import { TemplateError } from './error.ts'
import { lex, type Token } from './lex.ts'
import type { Command, Node, Operand, Pipe, Term } from './tree.ts'

/** @param known names of functions @throws TemplateError */
export function parse(source: string, known: ReadonlySet<string>): Node[] {
  const parser = new Parser(lex(source), known)
  const { nodes, stop } = parser.list(0)
  if (stop !== 'end-of-text') throw new TemplateError(`unexpected {{${stop}}}`, parser.at)
  return nodes
}

type Stop = 'end' | 'else' | 'end-of-text'
const UNSUPPORTED = ['define', 'template', 'block']
const KEYWORDS = ['if', 'with', 'range', 'else', 'end', 'break', 'continue', ...UNSUPPORTED]

class Parser {
  readonly #tokens: readonly Token[]
  readonly #known: ReadonlySet<string>
  readonly #scope: string[] = ['']
  #next = 0

  constructor(tokens: readonly Token[], known: ReadonlySet<string>) {
    this.#tokens = tokens
    this.#known = known
  }

  get at(): number {
    return this.#peek().at
  }

  /** Nodes up to an `{{end}}`, an `{{else`, or the end of the text. */
  list(loops: number): { nodes: Node[]; stop: Stop } {
    const nodes: Node[] = []
    for (;;) {
      const token = this.#take()
      if (token.kind === 'end') return { nodes, stop: 'end-of-text' }
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text })
        continue
      }
      this.#space()
      const word = this.#peek().kind === 'word' ? this.#peek().text : ''
      if (word === 'end') {
        this.#take()
        this.#close()
        return { nodes, stop: 'end' }
      }
      if (word === 'else') {
        this.#take()
        return { nodes, stop: 'else' }
      }
      nodes.push(this.#action(word, loops))
    }
  }

  #action(word: string, loops: number): Node {
    if (UNSUPPORTED.includes(word)) throw new TemplateError(`{{${word}}} is not supported`, this.at)
    if (word === 'if' || word === 'with' || word === 'range') {
      this.#take()
      return this.#branch(word, word === 'range' ? loops + 1 : loops)
    }
    if (word === 'break' || word === 'continue') {
      if (loops === 0) throw new TemplateError(`{{${word}}} outside {{range}}`, this.at)
      this.#take()
      this.#close()
      return { kind: word }
    }
    const pipe = this.#pipe('close', false)
    this.#take()
    return { kind: 'show', pipe }
  }

  #branch(kind: 'if' | 'with' | 'range', loops: number): Node {
    const start = this.at
    const depth = this.#scope.length
    const pipe = this.#pipe('close', kind === 'range')
    this.#take()
    const { nodes, stop } = this.list(loops)
    const otherwise = stop === 'else' ? this.#otherwise(kind, loops) : []
    this.#scope.length = depth
    if (stop === 'end-of-text') throw new TemplateError(`{{${kind}}} without {{end}}`, start)
    return { kind, pipe, body: nodes, otherwise }
  }

  /** `{{else}}` up to its `{{end}}`; `{{else if}}` and `{{else with}}` are a branch of their own that shares it. */
  #otherwise(kind: 'if' | 'with' | 'range', loops: number): readonly Node[] {
    this.#space()
    const word = this.#peek()
    if (word.kind === 'word' && word.text === kind && kind !== 'range') {
      this.#take()
      return [this.#branch(kind, loops)]
    }
    this.#close()
    const { nodes, stop } = this.list(loops)
    if (stop !== 'end') throw new TemplateError(`{{else}} without {{end}}`, word.at)
    return nodes
  }

  #pipe(until: 'close' | ')', range: boolean): Pipe {
    this.#space()
    const at = this.at
    const { variables, declares } = this.#assignment(range)
    const commands: Command[] = []
    for (;;) {
      commands.push(this.#command(until))
      if (!this.#punctuation('|')) break
      this.#take()
    }
    const first = commands.slice(1).find(({ operands: [head] }) => head.fields.length === 0 && isValue(head.term))
    if (first !== undefined) throw new TemplateError('a value cannot be given an argument by a pipe', first.at)
    this.#scope.push(...(declares ? variables : []))
    return { variables, declares, commands, at }
  }

  #assignment(range: boolean): { variables: string[]; declares: boolean } {
    const start = this.#next
    const variables: string[] = []
    for (;;) {
      this.#space()
      const token = this.#peek()
      if (token.kind !== 'variable') break
      variables.push(token.text)
      this.#take()
      this.#space()
      if (range && variables.length === 1 && this.#punctuation(',')) {
        this.#take()
        continue
      }
      const declares = this.#punctuation(':=')
      if (!declares && !this.#punctuation('=')) break
      this.#take()
      return { variables, declares }
    }
    this.#next = start
    return { variables: [], declares: false }
  }

  #command(until: 'close' | ')'): Command {
    this.#space()
    const at = this.at
    const operands: Operand[] = []
    while (!this.#ends(until)) {
      operands.push(this.#operand())
      if (!this.#ends(until) && this.#peek().kind !== 'space')
        throw new TemplateError(`unexpected ${shown(this.#peek())} in operand`, this.at)
      this.#space()
    }
    const [head, ...rest] = operands
    if (head === undefined) throw new TemplateError('missing value for command', at)
    return { operands: [head, ...rest], at }
  }

  #operand(): Operand {
    const token = this.#take()
    const fields: string[] = []
    const term = this.#term(token, fields)
    while (this.#peek().kind === 'field') {
      if (isValue(term)) throw new TemplateError(`unexpected . after term ${shown(token)}`, this.at)
      fields.push(this.#take().text)
    }
    return { term, fields, at: token.at }
  }

  #term(token: Token, fields: string[]): Term {
    switch (token.kind) {
      case 'dot':
        return { kind: 'dot' }
      case 'field':
        fields.push(token.text)
        return { kind: 'dot' }
      case 'variable':
        if (!this.#scope.includes(token.text)) throw new TemplateError(`undefined variable "$${token.text}"`, token.at)
        return { kind: 'variable', name: token.text }
      case 'string':
        return { kind: 'constant', value: token.text }
      case 'number':
        return { kind: 'constant', value: Number(token.text) }
      case 'word':
        return this.#wordTerm(token)
      default:
        if (token.text !== '(') throw new TemplateError(`unexpected ${shown(token)} in command`, token.at)
    }
    const pipe = this.#pipe(')', false)
    this.#take()
    return { kind: 'pipe', pipe }
  }

  #wordTerm({ text, at }: Token): Term {
    if (text === 'true' || text === 'false') return { kind: 'constant', value: text === 'true' }
    if (text === 'nil') return { kind: 'nil' }
    if (KEYWORDS.includes(text)) throw new TemplateError(`unexpected {{${text}}}`, at)
    if (!this.#known.has(text)) throw new TemplateError(`function "${text}" not defined`, at)
    return { kind: 'function', name: text }
  }

  /** Whether the command is at its end; throws where the whole template ends within it. */
  #ends(until: 'close' | ')'): boolean {
    const token = this.#peek()
    if (token.kind === 'end' || (token.kind === 'close' && until === ')'))
      throw new TemplateError('unclosed left paren', token.at)
    return this.#punctuation('|') || (until === 'close' ? token.kind === 'close' : this.#punctuation(')'))
  }

  #punctuation(text: string): boolean {
    const token = this.#peek()
    return token.kind === 'punctuation' && token.text === text
  }

  #close(): void {
    this.#space()
    const token = this.#take()
    if (token.kind !== 'close') throw new TemplateError(`unexpected ${shown(token)}`, token.at)
  }

  #space(): void {
    while (this.#peek().kind === 'space') this.#next++
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: 0 }
  }

  #take(): Token {
    const token = this.#peek()
    this.#next++
    return token
  }
}

function isValue(term: Term): boolean {
  return term.kind === 'constant' || term.kind === 'nil'
}

function shown({ kind, text }: Token): string {
  return kind === 'end' ? 'the end' : JSON.stringify(kind === 'field' ? `.${text}` : text)
}
