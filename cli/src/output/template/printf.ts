/** printf: the verbs of Go's package fmt that text, numbers and booleans have; what does not fit is told as Go tells it. */
import { inner, numberText } from './print.ts'
import { typeName, type Value } from './value.ts'

const DIRECTIVE = /%([-+# 0]*)(\d+)?(?:\.(\d+)?)?(.)?/gu

/** fmt.Sprintf. */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0
  const text = format.replace(
    DIRECTIVE,
    (whole: string, flags: string, width: string | undefined, precision: string | undefined, verb?: string) => {
      if (verb === undefined) return '%!(NOVERB)'
      if (verb === '%') return '%'
      if (next >= args.length) return `%!${verb}(MISSING)`
      const dotted = whole.includes('.')
      const spec = { flags, verb, precision: dotted ? Number(precision ?? 0) : undefined }
      return padded(verbText(args[next++], spec), flags, Number(width ?? 0), verb)
    },
  )
  const extra = args.slice(next).map((value) => `${typeName(value)}=${inner(value)}`)
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(', ')})`
}

interface Spec {
  readonly flags: string
  readonly verb: string
  readonly precision: number | undefined
}

function verbText(value: Value, spec: Spec): string {
  const { verb, precision } = spec
  if (verb === 'v') return inner(value)
  if (verb === 'T') return typeName(value)
  const text =
    typeof value === 'string'
      ? ofText(value, verb, precision)
      : typeof value === 'number'
        ? ofNumber(value, spec)
        : undefined
  if (text !== undefined) return text
  if (verb === 't' && typeof value === 'boolean') return String(value)
  if (verb === 's' && typeof value === 'object' && value !== null) return inner(value)
  return value === null || value === undefined ? `%!${verb}(<nil>)` : `%!${verb}(${typeName(value)}=${inner(value)})`
}

function ofText(value: string, verb: string, precision: number | undefined): string | undefined {
  const cut = precision === undefined ? value : [...value].slice(0, precision).join('')
  const hex = () => Buffer.from(cut).toString('hex')
  switch (verb) {
    case 's':
      return cut
    case 'q':
      return quote(cut)
    case 'x':
      return hex()
    case 'X':
      return hex().toUpperCase()
    default:
      return undefined
  }
}

function ofNumber(value: number, { flags, verb, precision }: Spec): string | undefined {
  const sign = flags.includes('+') && value >= 0 ? '+' : flags.includes(' ') && value >= 0 ? ' ' : ''
  if (Number.isInteger(value)) {
    const base = { d: 10, x: 16, X: 16, o: 8, b: 2 }[verb]
    if (base !== undefined) {
      const digits = value.toString(base)
      const prefix = flags.includes('#') && base === 16 ? `0${verb}` : ''
      return sign + prefix + (verb === 'X' ? digits.toUpperCase() : digits)
    }
    if (verb === 'c') return String.fromCodePoint(value)
    return undefined
  }
  if (verb === 'f' || verb === 'F') return sign + fixed(value, precision ?? 6)
  if (verb === 'e') return sign + value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')
  return verb === 'g'
    ? sign + numberText(precision === undefined ? value : Number(value.toPrecision(precision)))
    : undefined
}

function padded(text: string, flags: string, width: number, verb: string): string {
  const missing = width - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-')) return text + ' '.repeat(missing)
  if (!flags.includes('0')) return ' '.repeat(missing) + text
  const signed = verb !== 's' && /^[+-]/.test(text)
  return signed ? text.slice(0, 1) + '0'.repeat(missing) + text.slice(1) : '0'.repeat(missing) + text
}

/** A Go string literal: `%q`. */
export function quote(text: string): string {
  const escapes: Record<string, string> = { '\x07': '\\a', '\v': '\\v' }
  return JSON.stringify(text)
    .replace(/\\u00(07|0b)/g, (_, code: string) => {
      return escapes[String.fromCharCode(Number.parseInt(code, 16))] ?? ''
    })
    .replace(/\\u00([01][0-9a-f])/g, '\\x$1')
}

/** `%.Nf`: as JavaScript has it, but a number just between two goes to the even one. */
function fixed(value: number, digits: number): string {
  const places = Math.min(digits, 40)
  const exact = value.toFixed(places + 60)
  const kept = exact.slice(0, -60)
  const isTie = /^50*$/.test(exact.slice(-60)) && /[02468]\.?$/.test(kept)
  return isTie ? kept.replace(/\.$/, '') : value.toFixed(places)
}
