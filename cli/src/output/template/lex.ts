/** The words of a Go template: text, and the tokens of its actions, with the white space taken off that `{{-` and `-}}` trim. */
import { TemplateError } from './error.ts'

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'field'
  | 'dot'
  | 'variable'
  | 'string'
  | 'number'
  | 'word'
  | 'punctuation'
  | 'space'
  | 'end'

export interface Token {
  readonly kind: TokenKind
  /** Of a string: its content; of a field and a variable: its name without `.` or `$`. */
  readonly text: string
  readonly at: number
}

const PIECES: readonly (readonly [TokenKind, RegExp])[] = [
  ['space', /\s+/y],
  ['field', /\.([\p{L}_][\p{L}\p{N}_]*)/uy],
  ['number', /[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)/y],
  ['dot', /\./y],
  ['variable', /\$([\p{L}_][\p{L}\p{N}_]*)?/uy],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['punctuation', /:=|[|(),=]/y],
]
const QUOTED = /"(?:[^"\\\n]|\\.)*"/y
const RAW = /`[^`]*`/y
const CHARACTER = /'(?:[^'\\\n]|\\.)'/y

/** @throws TemplateError */
export function lex(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  let trim = false
  const text = (end: number, trimEnd: boolean) => {
    const whole = source.slice(at, end)
    const left = trim ? whole.trimStart() : whole
    const kept = trimEnd ? left.trimEnd() : left
    if (kept !== '') tokens.push({ kind: 'text', text: kept, at })
  }
  for (;;) {
    const open = source.indexOf('{{', at)
    if (open < 0) {
      text(source.length, false)
      tokens.push({ kind: 'end', text: '', at: source.length })
      return tokens
    }
    const trims = /^-\s/.test(source.slice(open + 2, open + 4))
    text(open, trims)
    const start = open + (trims ? 3 : 2)
    const comment = source.startsWith('/*', trims ? skipSpace(source, start) : start)
    const action = comment ? lexComment(source, open, start) : lexAction(source, open, start)
    tokens.push(...action.tokens)
    at = action.end
    trim = action.trim
  }
}

interface Action {
  readonly tokens: readonly Token[]
  readonly end: number
  /** The text that follows loses its leading white space. */
  readonly trim: boolean
}

function skipSpace(source: string, from: number): number {
  return from + (/^\s*/.exec(source.slice(from))?.[0].length ?? 0)
}

function lexComment(source: string, open: number, start: number): Action {
  const end = source.indexOf('*/', start)
  const close = end < 0 ? undefined : /^(\s+-)?\}\}/.exec(source.slice(end + 2))
  if (close === undefined) throw new TemplateError('unclosed comment', open)
  if (close === null) throw new TemplateError('comment ends before closing delimiter', open)
  return { tokens: [], end: end + 2 + close[0].length, trim: close[1] !== undefined }
}

function lexAction(source: string, open: number, start: number): Action {
  const tokens: Token[] = [{ kind: 'open', text: '{{', at: open }]
  let at = start
  for (;;) {
    const close = /^(?:\s+-\}\}|\}\})/.exec(source.slice(at, at + 200))
    if (close !== null) {
      tokens.push({ kind: 'close', text: '}}', at })
      return { tokens, end: at + close[0].length, trim: close[0] !== '}}' }
    }
    if (at >= source.length) throw new TemplateError('unclosed action', open)
    const token = next(source, at)
    if (token === undefined) throw new TemplateError(unreadable(source, at), at)
    tokens.push(token.token)
    at = token.end
  }
}

function next(source: string, at: number): { token: Token; end: number } | undefined {
  const quoted = quotedAt(source, at)
  if (quoted !== undefined) return quoted
  for (const [kind, pattern] of PIECES) {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match === null) continue
    const named = kind === 'field' || kind === 'variable'
    return { token: { kind, text: named ? (match[1] ?? '') : match[0], at }, end: at + match[0].length }
  }
  return undefined
}

function quotedAt(source: string, at: number): { token: Token; end: number } | undefined {
  for (const pattern of [QUOTED, RAW, CHARACTER]) {
    pattern.lastIndex = at
    const match = pattern.exec(source)?.[0]
    if (match === undefined) continue
    const content = match.slice(1, -1)
    const text = pattern === RAW ? content : unescapeText(content, at)
    const kind = pattern === CHARACTER ? 'number' : 'string'
    return { token: { kind, text: kind === 'number' ? String(text.codePointAt(0)) : text, at }, end: at + match.length }
  }
  return undefined
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

function unescapeText(text: string, at: number): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/g, (whole, code: string) => {
    const simple = ESCAPES[code]
    if (simple !== undefined) return simple
    if (/^[xuU]./.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16))
    if (/^[0-7]{3}$/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8))
    throw new TemplateError(`unknown escape ${whole}`, at)
  })
}

function unreadable(source: string, at: number): string {
  const char = source[at] ?? ''
  if (char === '"') return 'unterminated quoted string'
  if (char === '`') return 'unterminated raw quoted string'
  return `unexpected ${JSON.stringify(char)} in an action`
}
