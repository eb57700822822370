/**
 * What becomes of each desired link, given what is observed: the decisions, before any op is written.
 *
 * Invariants
 * - What is not ours is never altered: a foreign link in the way is a conflict, and what stands on it waits.
 * - A link is not made, nor made anew, when what it stands on is missing: no op that must fail.
 * - A link that is made anew takes with it everything on top of it: children and the other end of a pair.
 */
import { type HostState, isSandbox, type Link, type LinkRef } from '@weft/shared'
import { immutableChange, linkKey, sameKind } from './link-kinds.ts'
import { dependencies, parentsFirst } from './link-order.ts'

export type Fate =
  /** Exists and stays; attributes may change. */
  | { readonly fate: 'keep'; readonly observed: Link }
  /** Exists and is used, but never altered: an admin's sub-interface, or an interface that Docker is moving. */
  | { readonly fate: 'use'; readonly observed: Link }
  /** To be made. */
  | { readonly fate: 'make' }
  /** To be removed and made again. */
  | { readonly fate: 'remake'; readonly why: string }
  /** The other end of a pair, born with its port. */
  | { readonly fate: 'born'; readonly port: Link & { kind: 'veth' } }
  /** Tolerated and not there. */
  | { readonly fate: 'absent' }
  /** Left as it is, with what stands on it. */
  | { readonly fate: 'conflict'; readonly why: string }

export interface Conflict {
  readonly link: LinkRef
  readonly why: string
}

export interface Fates {
  /** Parents before children. */
  readonly ordered: readonly Link[]
  readonly of: ReadonlyMap<string, Fate>
  readonly observed: ReadonlyMap<string, Link>
  /** Ends whose port is gone: in the way of the new pair. */
  readonly strayEnds: readonly { readonly ref: LinkRef; readonly why: string }[]
}

export function decideFates(desired: HostState, observed: HostState): Fates {
  const wanted = new Map(desired.links.map((link) => [linkKey(link), link]))
  const seen = new Map(observed.links.map((link) => [linkKey(link), link]))
  const ports = portsByEnd(wanted.values())
  const context: Context = { wanted, seen, ports, fates: new Map(), strayEnds: [] }
  const ordered = parentsFirst(wanted.values(), ports)
  for (const link of ordered) context.fates.set(linkKey(link), fateOf(link, context))
  return { ordered, of: context.fates, observed: seen, strayEnds: context.strayEnds }
}

interface Context {
  readonly wanted: ReadonlyMap<string, Link>
  readonly seen: ReadonlyMap<string, Link>
  readonly ports: ReadonlyMap<string, Link & { kind: 'veth' }>
  readonly fates: Map<string, Fate>
  readonly strayEnds: { ref: LinkRef; why: string }[]
}

/** The port that a container end is born with, by the end's key. */
function portsByEnd(links: Iterable<Link>): Map<string, Link & { kind: 'veth' }> {
  const ports = new Map<string, Link & { kind: 'veth' }>()
  for (const link of links) if (link.kind === 'veth' && link.peer !== undefined) ports.set(linkKey(link.peer), link)
  return ports
}

function fateOf(link: Link, context: Context): Fate {
  const observed = context.seen.get(linkKey(link))
  if (link.presence === 'tolerated') {
    const falls = observed !== undefined && dependencies(observed).some((ref) => isParentRemade(observed, ref, context))
    return observed === undefined || falls ? { fate: 'absent' } : { fate: 'use', observed }
  }
  const own = judge(link, observed)
  if (own.fate === 'conflict') return own
  const paired = link.kind === 'veth' ? judgePair(link, own, context) : own
  if (paired.fate === 'conflict' || paired.fate === 'born') return paired
  const remade = dependencies(link).find((ref) => isParentRemade(link, ref, context))
  const fate: Fate =
    paired.fate === 'keep' && remade !== undefined
      ? { fate: 'remake', why: `its parent ${remade.name} is made anew` }
      : paired
  if (fate.fate !== 'make' && fate.fate !== 'remake') return fate
  const missing = dependencies(link).find((ref) => !isThere(ref, context))
  return missing === undefined ? fate : { fate: 'conflict', why: `${place(missing)}, on which it stands, is not there` }
}

/** The link by itself, without its surroundings. */
function judge(link: Link, observed: Link | undefined): Fate {
  if (observed === undefined) return { fate: 'make' }
  const change = sameKind(link, observed) ? immutableChange(link, observed) : `kind ${kindOf(observed)} -> ${link.kind}`
  if (isSandbox(link.netns)) {
    if (!sameKind(link, observed)) return { fate: 'conflict', why: `a ${kindOf(observed)} has its name in the sandbox` }
    return change === undefined ? { fate: 'keep', observed } : { fate: 'remake', why: change }
  }
  if (observed.owned === true) {
    return change === undefined ? { fate: 'keep', observed } : { fate: 'remake', why: change }
  }
  if (link.presence === 'shared' && change === undefined) return { fate: 'use', observed }
  return {
    fate: 'conflict',
    why: `a ${kindOf(observed)} that is not Weft’s has its name${change ? ` (${change})` : ''}`,
  }
}

/** Both ends of a pair live and die together: the port makes the other end, and is made anew when that is gone. */
function judgePair(link: Link & { kind: 'veth' }, own: Fate, context: Context): Fate {
  if (link.peer === undefined) return judgeEnd(link, own, context)
  const end = context.wanted.get(linkKey(link.peer))
  if (end === undefined || end.presence === 'tolerated') return own
  const endSeen = context.seen.get(linkKey(link.peer))
  if (own.fate === 'keep') {
    return endSeen === undefined ? { fate: 'remake', why: `its other end ${place(link.peer)} is gone` } : own
  }
  if (endSeen === undefined) return own
  const endFate = judge(end, endSeen)
  if (endFate.fate === 'conflict') return { fate: 'conflict', why: `${place(link.peer)} is in the way: ${endFate.why}` }
  if (own.fate === 'make') context.strayEnds.push({ ref: link.peer, why: `its port ${link.name} is gone` })
  return own
}

function judgeEnd(link: Link, own: Fate, context: Context): Fate {
  const port = context.ports.get(linkKey(link))
  const portFate = port === undefined ? undefined : context.fates.get(linkKey(port))
  if (port !== undefined && (portFate?.fate === 'make' || portFate?.fate === 'remake')) return { fate: 'born', port }
  if (own.fate === 'keep') return own
  return { fate: 'conflict', why: port === undefined ? 'no port makes it' : `its port ${port.name} cannot be made` }
}

/** True when `ref` is what the link is a child of (not its bridge, which only loses a port) and is made anew. */
function isParentRemade(link: Link, ref: LinkRef, context: Context): boolean {
  const isMaster = ref.name === link.master && ref.netns === link.netns
  return !isMaster && context.fates.get(linkKey(ref))?.fate === 'remake'
}

function isThere(ref: LinkRef, context: Context): boolean {
  const fate = context.fates.get(linkKey(ref))
  if (fate !== undefined) return fate.fate !== 'absent' && fate.fate !== 'conflict'
  const observed = context.seen.get(linkKey(ref))
  return observed !== undefined && observed.owned !== true
}

function kindOf(link: Link): string {
  return link.kind === 'other' ? (link.kernelKind ?? 'device') : link.kind
}

function place(ref: LinkRef): string {
  return ref.netns === '' ? ref.name : `${ref.name} in ${ref.netns}`
}
