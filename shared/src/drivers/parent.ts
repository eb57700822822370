/**
 * Parents: what an admin writes after `-o parent=`, and what it is on one host.
 * `eth1` is the interface, `eth1.100` its 802.1Q sub-interface, `eth1.100.200` VLAN 200 inside the 802.1ad service VLAN
 * 100; `@storage…` is the same on the interface that each host maps to the logical uplink.
 */
import { WeftError } from '../errors.ts'
import type { Link, LinkRef } from '../host-state/host-state.ts'
import { INTERFACE_NAME_BYTES } from '../names.ts'
import type { InterfaceFact } from '../words/host-facts.ts'
import { InterfaceName, Name } from '../words/names.ts'
import type { DriverHost, ParentReference } from './driver.ts'

/** IEEE 802.1Q: 0 means "no VLAN" and 4095 is reserved. */
const VLAN_RANGE = { min: 1, max: 4094 } as const
const MAX_TAGS = 2
const EXAMPLE = 'write it like eth1, eth1.100, eth1.100.200 or @uplink.100'

/** Parses a parent; throws `invalid` with the text, the rule and what to write. */
export function parseParent(text: string): ParentReference {
  const { base, tags } = split(text)
  const isUplink = base.startsWith('@')
  const syntax = isUplink ? Name.safeParse(base.slice(1)) : InterfaceName.safeParse(base)
  if (!syntax.success)
    throw bad(text, `${isUplink ? 'the uplink’s name' : 'it'} ${syntax.error.issues[0]?.message ?? 'is malformed'}`)
  if (base === 'lo') throw bad(text, 'the loopback interface carries no other host’s traffic')
  if (tags.length > MAX_TAGS)
    throw bad(text, `it has ${tags.length} VLAN tags; ${MAX_TAGS} are possible (802.1ad outside, 802.1Q inside)`)
  const vlanIds = tags.map((tag) => parseVlanId(text, tag))
  if (isUplink) return { text, uplink: base.slice(1), vlanIds }
  vlanNames(base, vlanIds)
  return { text, interface: base, vlanIds }
}

/** A parent as it is on one host. */
export interface ResolvedParent {
  /** The interface itself, below every VLAN. */
  readonly base: InterfaceFact
  /** VLAN sub-interfaces, outer first; empty for the interface itself. */
  readonly links: readonly Link[]
  /** What children are put on, and what it carries. */
  readonly top: LinkRef
  readonly mtu: number
  readonly mac: string
}

/**
 * Finds the parent on a host. Throws `not_found` when the host lacks the interface or maps no such uplink, `invalid` when
 * the sub-interface's name would be too long for Linux.
 */
export function resolveParent(reference: ParentReference, host: DriverHost): ResolvedParent {
  const name = interfaceOf(reference, host)
  const whole = [name, ...reference.vlanIds].join('.')
  const base = host.interfaces.find((fact) => fact.name === name)
  if (base === undefined) {
    // An interface may have a dot in its name without being a VLAN of what stands before the dot.
    const named = host.interfaces.find((fact) => fact.name === whole)
    if (named !== undefined) return { base: named, links: [], ...topOf(named) }
    throw new WeftError('not_found', {
      what: 'parent interface is missing on this host',
      on: name,
      why: `it has ${host.interfaces.map((fact) => fact.name).join(', ') || 'none'}`,
      remedy: 'plug it in or name another parent; a logical uplink (-o parent=@NAME) lets each host have its own',
    })
  }
  const names = subInterfaceNames(reference, host)
  const links = names.map((linkName, index) => subInterface(reference, base, linkName, names[index - 1] ?? name, index))
  const topName = names.at(-1) ?? name
  const top = host.interfaces.find((fact) => fact.name === topName)
  return { base, links, ...topOf(top ?? { ...base, name: topName }) }
}

/**
 * Names of the sub-interfaces that a parent has on a host, outer first, whether its interface is there or not.
 * Throws `not_found` when the host maps no such uplink, `invalid` when a name would be too long.
 */
export function subInterfaceNames(reference: ParentReference, host: Pick<DriverHost, 'uplinks'>): string[] {
  return vlanNames(interfaceOf(reference, host), reference.vlanIds)
}

function topOf({ name, mtu, mac }: InterfaceFact): Pick<ResolvedParent, 'top' | 'mtu' | 'mac'> {
  return { top: { netns: '', name }, mtu, mac }
}

function interfaceOf(reference: ParentReference, host: Pick<DriverHost, 'uplinks'>): string {
  if (reference.uplink === undefined) return reference.interface ?? ''
  const mapped = Object.hasOwn(host.uplinks, reference.uplink) ? host.uplinks[reference.uplink] : undefined
  if (mapped !== undefined) return mapped
  throw new WeftError('not_found', {
    what: 'logical uplink has no interface on this host',
    on: `@${reference.uplink}`,
    why: `parent=${reference.text} needs one`,
    remedy: `weft uplink set ${reference.uplink} HOST INTERFACE`,
  })
}

/**
 * A sub-interface has its parent's MAC and MTU, as the kernel would give it; so every network on it asks for the same.
 * It needs no IPv6 of its own: children carry theirs past it.
 */
function subInterface(
  reference: ParentReference,
  base: InterfaceFact,
  name: string,
  parent: string,
  index: number,
): Link {
  const isOuter = index < reference.vlanIds.length - 1
  return {
    kind: 'vlan',
    netns: '',
    name,
    parent: { netns: '', name: parent },
    vlanId: reference.vlanIds[index] ?? 0,
    protocol: isOuter ? '802.1ad' : '802.1Q',
    mac: base.mac,
    mtu: base.mtu,
    up: true,
    ipv6: false,
    alias: `weft ${name}`,
    presence: 'shared',
  }
}

function split(text: string): { base: string; tags: string[] } {
  const tags: string[] = []
  let base = text
  for (let match = lastTag(base); match !== undefined; match = lastTag(base)) {
    tags.unshift(match)
    base = base.slice(0, -match.length - 1)
  }
  return { base, tags }
}

function lastTag(text: string): string | undefined {
  const dot = text.lastIndexOf('.')
  const tag = text.slice(dot + 1)
  return dot > 0 && /^[0-9]+$/.test(tag) ? tag : undefined
}

function parseVlanId(text: string, tag: string): number {
  const id = /^[1-9][0-9]{0,3}$/.test(tag) ? Number(tag) : 0
  if (id >= VLAN_RANGE.min && id <= VLAN_RANGE.max) return id
  throw new WeftError('invalid', {
    what: 'VLAN id out of range',
    on: text,
    why: `VLANs are numbered ${VLAN_RANGE.min} to ${VLAN_RANGE.max}, without leading zeros (IEEE 802.1Q), and ${tag.slice(0, 16)} is none`,
    remedy: EXAMPLE,
  })
}

function vlanNames(base: string, vlanIds: readonly number[]): string[] {
  const names = vlanIds.map((_, index) => [base, ...vlanIds.slice(0, index + 1)].join('.'))
  const long = names.find((name) => new TextEncoder().encode(name).length > INTERFACE_NAME_BYTES)
  if (long === undefined) return names
  throw new WeftError('invalid', {
    what: 'name of the VLAN sub-interface is too long',
    on: long,
    why: `it has ${new TextEncoder().encode(long).length} bytes, Linux takes ${INTERFACE_NAME_BYTES} (IFNAMSIZ)`,
    remedy: 'give the interface a shorter name, or make the sub-interface yourself under a short name and name that',
  })
}

function bad(text: string, why: string): WeftError {
  const on = text.length > 64 ? `${text.slice(0, 63)}…` : text
  return new WeftError('invalid', { what: 'bad parent', on, why, remedy: EXAMPLE })
}
