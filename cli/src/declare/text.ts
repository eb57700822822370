/** A plan for people: what would be done, to what, on which hosts. */
import { type HostView, WeftError } from '@weft/shared'
import { changeText } from '../output/change.ts'
import { printable } from '../output/terminal.ts'
import type { Where } from './kind.ts'
import type { Plan, PlannedStep } from './plan.ts'

const SIGN = { create: '+', update: '~', remove: '-' } as const
const HOSTS_PER_LINE = 6

/** Hosts with the number of their endpoints in networks, by the networks' uids. */
export interface Surroundings {
  readonly hosts: readonly HostView[]
  readonly endpoints: readonly { readonly host: string; readonly network: { readonly uid: string } }[]
}

export function planText(plan: Plan, around: Surroundings): string {
  const left = plan.unnamed.map((subject) => `  ${subject}: not in the file, left alone (--prune removes it)`)
  return [...plan.steps.flatMap((step) => stepLines(step, around)), ...left].map(printable).join('\n')
}

function stepLines({ step, changes, warnings, refused, unchecked }: PlannedStep, around: Surroundings): string[] {
  const lines = [`${refused === undefined ? SIGN[step.verb] : '!'} ${step.subject}`]
  if (refused !== undefined) {
    const { what, on, why } = WeftError.from(refused).parts
    const parts = [on === undefined ? what : `${what}: ${on}`, ...(why ?? '').split('\n')]
    return [...lines, ...parts.filter((part) => part !== '').map((part) => `    ${part}`)]
  }
  return [
    ...lines,
    ...changes.map((change) => `    ${changeText(change)}`),
    ...(unchecked ? ['    can be checked only after what comes before it'] : []),
    ...warnings.map((warning) => `    warning: ${warning}`),
    ...hostLines(step.where, around),
  ]
}

function hostLines(where: Where, { hosts, endpoints }: Surroundings): string[] {
  const names = 'hosts' in where ? where.hosts : hosts.map(({ id }) => id)
  const told = names.map((name) => {
    const network = 'network' in where ? where.network : undefined
    const count = endpoints.filter((each) => each.host === name && each.network.uid === network).length
    return count === 0 ? name : `${name} (${count} endpoint${count === 1 ? '' : 's'})`
  })
  const rest = told.length - HOSTS_PER_LINE
  const more = rest > 0 ? [`and ${rest} more`] : []
  return told.length === 0 ? [] : [`    on ${[...told.slice(0, HOSTS_PER_LINE), ...more].join(', ')}`]
}
