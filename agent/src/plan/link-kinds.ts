/**
 * Which attributes of a link may change while it lives, per kind; the rest is settled when it is made. Measured on 6.18:
 * a vxlan device refuses a change of VNI, port and `proxy`; macvlan's and VLAN's parents are for life. What the kernel could
 * change but Op has no word for (a vxlan's local address, a macvlan's mode) is made anew, too.
 */
import type { Link, LinkKind, LinkRef } from '@weft/shared'

type Attribute<K extends LinkKind> = Exclude<keyof Extract<Link, { kind: K }>, 'kind' | 'netns' | 'name'>

interface KindRules<K extends LinkKind> {
  readonly mutable: readonly Attribute<K>[]
  readonly immutable: readonly Attribute<K>[]
}

const COMMON = ['mtu', 'mac', 'alias', 'ipv6', 'forwarding', 'strictArp'] as const

const RULES: { readonly [K in LinkKind]: KindRules<K> } = {
  bridge: { mutable: [...COMMON, 'multicastSnooping'], immutable: [] },
  vxlan: { mutable: COMMON, immutable: ['vni', 'underlay', 'local', 'udpPort', 'learning', 'proxy'] },
  veth: { mutable: COMMON, immutable: [] },
  macvlan: { mutable: COMMON, immutable: ['parent', 'mode'] },
  // The MAC is the parent's. Mode and flag could change, but for all children of the parent at once.
  ipvlan: { mutable: ['mtu', 'alias', 'ipv6', 'forwarding', 'strictArp'], immutable: ['parent', 'mode', 'flag'] },
  vlan: { mutable: COMMON, immutable: ['parent', 'vlanId', 'protocol'] },
  other: { mutable: [], immutable: [] },
}

export function linkKey(ref: LinkRef): string {
  return `${ref.netns} ${ref.name}`
}

/** True when the observed link is of the wanted kind; a kind that could not be read in full counts by its name. */
export function sameKind(desired: Link, observed: Link): boolean {
  if (observed.kind === desired.kind) return true
  return observed.kind === 'other' && observed.kernelKind === desired.kind
}

/** Why the observed link cannot become the desired one by changing attributes, or undefined when it can. */
export function immutableChange(desired: Link, observed: Link): string | undefined {
  if (observed.kind !== desired.kind) return undefined
  for (const attribute of RULES[desired.kind].immutable) {
    const [wanted, seen] = [attributeOf(desired, attribute), attributeOf(observed, attribute)]
    if (wanted !== undefined && text(wanted) !== text(seen)) return `${attribute} ${text(seen)} -> ${text(wanted)}`
  }
  return undefined
}

/** The mutable attributes, port and `up` left out, in which the observed link is not as desired. */
export function mutableChanges(desired: Link, observed: Link): Record<string, unknown> {
  const changes: Record<string, unknown> = {}
  for (const attribute of RULES[desired.kind].mutable) {
    const [wanted, seen] = [attributeOf(desired, attribute), attributeOf(observed, attribute)]
    if (wanted === undefined || normal(attribute, wanted) === normal(attribute, seen)) continue
    // Kernels without IPv6 say nothing about it; there is nothing to switch off then.
    if (attribute === 'ipv6' && seen === undefined) continue
    changes[attribute] = wanted
  }
  return changes
}

function attributeOf(link: Link, attribute: string): unknown {
  return (link as Readonly<Record<string, unknown>>)[attribute]
}

function normal(attribute: string, value: unknown): unknown {
  if (attribute === 'alias') return value ?? ''
  return typeof value === 'string' && attribute === 'mac' ? value.toLowerCase() : value
}

function text(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const { netns, name } = value as LinkRef
  return netns === '' ? name : `${netns}/${name}`
}
