/** `weft status`: how far the cluster is, what is wrong and what to do about it, then as many hosts as the screen holds. */
import type { HostStatus, StatusView } from '@weft/shared'
import type { Paint } from './paint.ts'
import { type Column, table } from './table.ts'
import { printable, type Stream } from './terminal.ts'
import { formatMs } from './time.ts'

const NAMED_IN_HEADLINE = 3

/** Why a host has not converged, in words; empty when it has. */
export function reasonOf(host: HostStatus): string {
  if (host.converged) return ''
  if (!host.alive) return host.reportAgeMs === null ? 'never reported' : `silent for ${formatMs(host.reportAgeMs)}`
  const problem = host.problems[0]
  if (problem !== undefined) {
    const more = host.problems.length > 1 ? ` (and ${host.problems.length - 1} more)` : ''
    return `${problem.message}${more}`
  }
  if (host.accepted === undefined) return 'has not accepted an intent yet'
  return host.accepted.revision < host.target.revision ? 'has not received the newest intent' : 'is applying it'
}

/** "docker2 is at 229: kernel refused vxlan 4097: EEXIST" */
export function lagging(host: HostStatus): string {
  return printable(`${host.id} is at ${host.applied ?? 'no revision'}: ${reasonOf(host)}`)
}

/** "14 of 15 hosts at revision 231; docker2 is at 229: kernel refused vxlan 4097: EEXIST" */
export function headline(view: StatusView): string {
  const behind = view.hosts.filter((host) => !host.converged)
  const count = `${view.hosts.length - behind.length} of ${view.hosts.length} hosts at revision ${view.revision}`
  const named = behind.slice(0, NAMED_IN_HEADLINE).map(lagging)
  const rest = behind.length - named.length
  return [count, ...named, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ')
}

/** Columns and lines that there are; text is not wrapped where columns are without end. */
export interface Screen {
  readonly columns: number
  readonly rows: number
}

/** A terminal's own size; what is no terminal has lines without end in width, and as many as a screen. */
export function screenOf({ isTTY, columns = 80, rows = 24 }: Stream): Screen {
  return isTTY === true ? { columns, rows } : { columns: Number.POSITIVE_INFINITY, rows: 24 }
}

/** Lines kept for the table, however much is wrong: its headings, a few hosts, how many more there are. */
const TABLE_LINES = 5
const PROBLEMS_PER_HOST = 2

/** The whole screen, what is wrong first; at most a line less than `rows`, for the prompt. Ends with a newline. */
export function statusScreen(view: StatusView, paint: Paint, screen: Screen): string {
  const behind = worstFirst(view.hosts.filter((host) => !host.converged))
  const colour = behind.length === 0 && view.converged ? 'green' : 'yellow'
  const there = `${view.hosts.length - behind.length} of ${view.hosts.length} hosts at revision ${view.revision}`
  const size = `${count(view.networks, 'network')}, ${count(view.endpoints, 'endpoint')}`
  const head = [
    paint(colour, there),
    cut(`${size}; cluster ${view.cluster}, incarnation ${view.incarnation}`, screen.columns),
  ]
  const room = screen.rows - 1 - head.length
  const wrong = troubles(view, behind, paint, screen.columns)
  const shown = fitting(wrong, room - TABLE_LINES)
  const hosts = [...behind, ...view.hosts.filter((host) => host.converged)]
  return [...head, ...shown, ...hostLines(hosts, room - shown.length, screen.columns)]
    .map((line) => `${line}\n`)
    .join('')
}

/** Those with problems of their own, then those under way, then the silent. */
function worstFirst(hosts: readonly HostStatus[]): HostStatus[] {
  const rank = (host: HostStatus) => (!host.alive ? 2 : host.problems.length > 0 ? 0 : 1)
  return [...hosts].sort((a, b) => rank(a) - rank(b))
}

/** A paragraph for each thing that is wrong: what it is, then the next step; each remedy once. */
function troubles(view: StatusView, behind: readonly HostStatus[], paint: Paint, columns: number): string[][] {
  const known = new Set<string>()
  const next = (remedy: string | undefined) => {
    if (remedy === undefined || known.has(remedy)) return []
    known.add(remedy)
    return wrapped(`  next: ${printable(remedy)}`, columns, '        ')
  }
  const ofHosts = behind.map((host) => {
    const at = host.alive ? ` at ${host.applied ?? 'no revision'}` : ''
    const problems = host.alive ? host.problems.slice(0, PROBLEMS_PER_HOST) : []
    const rest = host.alive ? host.problems.length - problems.length : 0
    const more = rest > 0 ? ` (and ${rest} more: weft status --format json)` : ''
    const reasons = problems.length > 0 ? problems.map(({ message }) => message).join('; ') + more : reasonOf(host)
    const [first = '', ...others] = wrapped(printable(`${host.id}${at}: ${reasons}`), columns, '    ')
    return [paint('yellow', first), ...others, ...problems.flatMap(({ remedy }) => next(remedy))]
  })
  const silent = new Set(behind.map(({ id }) => `host ${id} is not alive`))
  const warnings = view.warnings
    .filter((warning) => !silent.has(warning))
    .map((warning) => wrapped(`warning: ${printable(warning)}`, columns, '    '))
  return [...ofHosts, ...warnings]
}

/** As many paragraphs as the lines hold; then how many more there are. */
function fitting(paragraphs: readonly string[][], lines: number): string[] {
  const shown: string[] = []
  for (const [at, paragraph] of paragraphs.entries()) {
    const isLast = at === paragraphs.length - 1
    if (shown.length + paragraph.length > lines - (isLast ? 0 : 1)) {
      const left = paragraphs.length - at
      return [...shown, `and ${left} more that ${left === 1 ? 'is' : 'are'} not well: weft status --format json`]
    }
    shown.push(...paragraph)
  }
  return shown
}

function hostLines(hosts: readonly HostStatus[], lines: number, columns: number): string[] {
  if (hosts.length === 0) return []
  // A blank line and the headings.
  const room = lines - 2
  const listed = hosts.length <= room ? hosts : hosts.slice(0, Math.max(room - 1, 0))
  const rest = hosts.length - listed.length
  const text = table(COLUMNS, listed).trimEnd().split('\n')
  return ['', ...text.map((line) => cut(line, columns)), ...(rest > 0 ? [`and ${count(rest, 'more host')}`] : [])]
}

/** The text in lines of at most `columns`, broken between words; those after the first begin with `indent`. */
export function wrapped(text: string, columns: number, indent: string): string[] {
  const lines: string[] = []
  let left = text
  while (left.length > columns) {
    const space = left.lastIndexOf(' ', columns)
    const end = space > indent.length + 8 ? space : columns
    lines.push(left.slice(0, end))
    left = indent + left.slice(end).trimStart()
  }
  return [...lines, left]
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`
}

const COLUMNS: readonly Column<HostStatus>[] = [
  { title: 'HOST', value: (host) => host.id },
  { title: 'STATE', value: (host) => (host.converged ? 'converged' : host.alive ? 'behind' : 'silent') },
  { title: 'APPLIED', value: (host) => String(host.applied ?? '-') },
  { title: 'TARGET', value: (host) => String(host.target.revision) },
  { title: 'REPORTED', value: (host) => (host.reportAgeMs === null ? 'never' : `${formatMs(host.reportAgeMs)} ago`) },
]

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
