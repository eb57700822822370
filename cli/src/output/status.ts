/** `weft status`: one sentence that says how far the cluster is and who is not there and why, then a short table. */
import type { HostStatus, StatusView } from '@weft/shared'
import type { Paint } from './paint.ts'
import { type Column, table } from './table.ts'
import { printable } from './terminal.ts'
import { formatMs } from './time.ts'

/** Beyond so many hosts only those are listed that need attention. */
const SCREEN_HOSTS = 20
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

/** The whole screen; ends with a newline. */
export function statusScreen(view: StatusView, paint: Paint): string {
  const behind = view.hosts.filter((host) => !host.converged)
  const listed = view.hosts.length <= SCREEN_HOSTS ? view.hosts : behind.slice(0, SCREEN_HOSTS)
  const colour = behind.length === 0 && view.converged ? 'green' : 'yellow'
  const size = `${count(view.networks, 'network')}, ${count(view.endpoints, 'endpoint')}`
  const parts = [
    `${paint(colour, headline(view))}\n${size}; cluster ${view.cluster}, incarnation ${view.incarnation}\n`,
    ...view.warnings.map((warning) => `${paint('yellow', 'warning:')} ${printable(warning)}\n`),
  ]
  if (listed.length > 0) parts.push(`\n${table(COLUMNS, listed)}`)
  const remedies = new Set(behind.flatMap((host) => host.problems.map((problem) => problem.remedy)))
  remedies.delete(undefined)
  if (remedies.size > 0) parts.push(`\n${[...remedies].map((text) => `next: ${printable(text ?? '')}\n`).join('')}`)
  return parts.join('')
}

const COLUMNS: readonly Column<HostStatus>[] = [
  { title: 'HOST', value: (host) => host.id },
  { title: 'STATE', value: (host) => (host.converged ? 'converged' : host.alive ? 'behind' : 'silent') },
  { title: 'APPLIED', value: (host) => String(host.applied ?? '-') },
  { title: 'TARGET', value: (host) => String(host.target.revision) },
  { title: 'REPORTED', value: (host) => (host.reportAgeMs === null ? 'never' : `${formatMs(host.reportAgeMs)} ago`) },
  { title: 'REASON', value: reasonOf },
]

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
