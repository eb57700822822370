/** Which interface of which host a network's parent is, before anything is made. */
import { type Cidr, type ParentReference, WeftError } from '@weft/shared'
import { rangeOf } from './check-subnets.ts'
import { parentOn } from './parent-on-host.ts'
import type { ClusterView } from './view.ts'

export interface SettledParent {
  readonly warnings: readonly string[]
  /** True for a range that a host has on its parent interface: there the network is meant to be on the same wire. */
  readonly ownRange: (host: string, cidr: Cidr) => boolean
}

export const NO_PARENT: SettledParent = { warnings: [], ownRange: () => false }

/**
 * Looks for the parent on every host. Hosts that lack it are warned about by name, since a NIC may come later.
 * @throws `invalid` when hosts have joined and none has it: the error names what they have.
 */
export function settleParent(view: ClusterView, parent: ParentReference): SettledParent {
  const hosts = [...view.facts.keys()].sort()
  if (hosts.length === 0)
    return { ...NO_PARENT, warnings: [`no host has joined yet to look for parent ${parent.text}`] }
  const found = new Map(
    hosts.flatMap((host) => {
      const link = parentOn(view, host, parent)
      return link === undefined ? [] : [[host, link] as const]
    }),
  )
  if (found.size === 0) throw nobodyHas(view, hosts, parent)
  const missing = hosts.filter((host) => !found.has(host))
  return {
    warnings: missing.map((host) => `${host} has no ${parent.text} yet: the network will work there once it does`),
    ownRange: (host, cidr) =>
      (found.get(host)?.addresses ?? []).some((text) => {
        const own = rangeOf(text)
        return own.family === cidr.family && own.base === cidr.base && own.prefixLength === cidr.prefixLength
      }),
  }
}

function nobodyHas(view: ClusterView, hosts: readonly string[], parent: ParentReference): WeftError {
  if (parent.uplink !== undefined) {
    const known = [...view.uplinks.keys()].sort().join(', ')
    return new WeftError('invalid', {
      what: 'no host has this uplink',
      on: parent.text,
      why: known === '' ? 'no uplink is set' : `uplinks are ${known}`,
      remedy: `weft uplink set ${parent.uplink} HOST INTERFACE`,
    })
  }
  const have = hosts.slice(0, 5).map((host) => {
    const names = view.facts.get(host)?.value.facts.interfaces.map((link) => link.name) ?? []
    return `${host} has ${
      names
        .filter((name) => name !== 'lo')
        .slice(0, 12)
        .join(', ') || 'none'
    }`
  })
  return new WeftError('invalid', {
    what: 'no host has this parent interface',
    on: parent.text,
    why: have.join('; '),
    remedy: 'name one of these, or an uplink (@name) that maps each host to its own',
  })
}
