/** Ops on links, in the groups that the diff puts in order. */
import { isSandbox, type Link, type LinkRef, type Op, parentOf } from '@weft/shared'
import type { Conflict, Fate, Fates } from './link-fates.ts'
import { linkKey, mutableChanges } from './link-kinds.ts'
import { parentsFirst } from './link-order.ts'

export interface LinkOps {
  /** Children before parents. */
  readonly removals: Op[]
  /** Parents before children. */
  readonly creations: Op[]
  readonly attributes: Op[]
  readonly ups: Op[]
  readonly conflicts: Conflict[]
  /** Ports that join a bridge in this pass: its forwarding entries for them are gone. */
  readonly joining: ReadonlySet<string>
}

type LinkSet = Extract<Op, { op: 'link-set' }>['set']

export function linkOps(fates: Fates): LinkOps {
  const result = { creations: [] as Op[], attributes: [] as Op[], ups: [] as Op[], conflicts: [] as Conflict[] }
  const joining = new Set<string>()
  for (const link of fates.ordered) {
    const fate = fates.of.get(linkKey(link))
    if (fate === undefined) continue
    if (fate.fate === 'conflict') result.conflicts.push({ link: refOf(link), why: fate.why })
    if (fate.fate === 'make' || fate.fate === 'remake') result.creations.push({ op: 'link-add', link: birth(link) })
    const before = startingPoint(link, fate, fates)
    if (before === undefined) continue
    const set = changes(link, before, fates)
    if (set.master !== undefined) joining.add(linkKey(link))
    if (Object.keys(set).length > 0) result.attributes.push({ op: 'link-set', ...refOf(link), set })
    if (link.up === undefined || link.up === (before.up ?? false)) continue
    const lower = downParent(link, fates)
    if (link.up && lower !== undefined) {
      result.conflicts.push({
        link: refOf(link),
        why: `its parent ${lower} is down; set that up: ip link set ${lower} up`,
      })
    } else result.ups.push({ op: 'link-set', ...refOf(link), set: { up: link.up } })
  }
  const removed = removals(fates)
  return { ...result, removals: removed.ops, conflicts: [...result.conflicts, ...removed.conflicts], joining }
}

/** What the link is once the creations are done, or undefined when it is not ours to change. */
function startingPoint(link: Link, fate: Fate, fates: Fates): Link | undefined {
  switch (fate.fate) {
    case 'keep':
      // Ports of a bridge that is made anew have lost it, whatever was observed.
      return isFresh(masterFate(link, fates)) ? { ...fate.observed, master: null } : fate.observed
    case 'make':
    case 'remake':
      return { ...link, up: false }
    case 'born':
      return {
        kind: 'veth',
        ...refOf(link),
        up: false,
        ...(fate.port.mtu === undefined ? {} : { mtu: fate.port.mtu }),
        ...(fate.port.peerMac === undefined ? {} : { mac: fate.port.peerMac }),
      }
    case 'use':
    case 'absent':
    case 'conflict':
      return undefined
  }
}

function changes(link: Link, before: Link, fates: Fates): LinkSet {
  const set: Record<string, unknown> = mutableChanges(link, before)
  const bridge = masterFate(link, fates)
  if (bridge?.fate === 'conflict' || bridge?.fate === 'absent') return set as LinkSet
  const joins = link.master !== undefined && link.master !== (before.master ?? null)
  if (joins) set.master = link.master
  // A port that joins begins with the kernel's flags.
  const flags = Object.entries(link.port ?? {}).filter(([flag, wanted]) => joins || portFlag(before, flag) !== wanted)
  if (flags.length > 0) set.port = Object.fromEntries(flags)
  return set as LinkSet
}

function masterFate(link: Link, fates: Fates): Fate | undefined {
  return typeof link.master === 'string' ? fates.of.get(linkKey({ netns: link.netns, name: link.master })) : undefined
}

function isFresh(fate: Fate | undefined): boolean {
  return fate?.fate === 'make' || fate?.fate === 'remake'
}

function portFlag(link: Link, flag: string): boolean | undefined {
  return (link.port as Readonly<Record<string, boolean | undefined>> | undefined)?.[flag]
}

/** The foreign parent of a VLAN sub-interface when it is down: the kernel then refuses to bring the child up (ENETDOWN). */
function downParent(link: Link, fates: Fates): string | undefined {
  if (link.kind !== 'vlan' || fates.of.has(linkKey(link.parent))) return undefined
  return fates.observed.get(linkKey(link.parent))?.up === false ? link.parent.name : undefined
}

/** Links made anew, ends without a port, and everything of ours outside sandboxes that nobody desires. */
function removals(fates: Fates): { ops: Op[]; conflicts: Conflict[] } {
  const why = new Map(fates.strayEnds.map((stray) => [linkKey(stray.ref), stray.why]))
  for (const [key, fate] of fates.of) if (fate.fate === 'remake') why.set(key, fate.why)
  const inUse = foreignChildren(fates)
  const held = underHeld(fates)
  const doomed: Link[] = []
  const conflicts: Conflict[] = []
  for (const link of fates.observed.values()) {
    const key = linkKey(link)
    if (why.has(key)) doomed.push(link)
    if (why.has(key) || fates.of.has(key) || held.has(key) || link.owned !== true || isSandbox(link.netns)) continue
    const child = inUse.get(key)
    if (child === undefined) doomed.push(link)
    else conflicts.push({ link: refOf(link), why: `not removed: ${child}, which is not Weft’s, stands on it` })
  }
  return {
    ops: deletions(doomed, why),
    conflicts: conflicts.sort((a, b) => (linkKey(a.link) < linkKey(b.link) ? -1 : 1)),
  }
}

function deletions(doomed: readonly Link[], why: ReadonlyMap<string, string>): Op[] {
  const gone = new Set<string>()
  const ops: Op[] = []
  for (const link of parentsFirst(doomed).reverse()) {
    gone.add(linkKey(link))
    // The other end of a pair went with the first.
    if (link.kind === 'veth' && link.peer !== undefined && gone.has(linkKey(link.peer))) continue
    const reason = why.get(linkKey(link))
    ops.push({ op: 'link-delete', ...refOf(link), ...(reason === undefined ? {} : { why: reason }) })
  }
  return ops
}

/** What links stand on that are left as they are, those of sandboxes above all: the kernel would take them away with it. */
function underHeld(fates: Fates): ReadonlySet<string> {
  const keys = new Set<string>()
  const links = [...fates.observed.values()].filter((link) => {
    const fate = fates.of.get(linkKey(link))
    return fate === undefined ? isSandbox(link.netns) : fate.fate === 'use'
  })
  // Those found on the way have a turn, too: a tag may stand on a tag.
  for (const link of links) {
    const parent = parentOf(link)
    const below = parent === undefined ? undefined : fates.observed.get(linkKey(parent))
    if (below === undefined || keys.has(linkKey(below))) continue
    keys.add(linkKey(below))
    links.push(below)
  }
  return keys
}

/** Links that carry a foreign one, outside sandboxes: removing them would remove that, too. */
function foreignChildren(fates: Fates): Map<string, string> {
  const carried = new Map<string, string>()
  for (const link of fates.observed.values()) {
    if (link.owned === true || isSandbox(link.netns) || fates.of.has(linkKey(link))) continue
    const parent = parentOf(link)
    if (parent !== undefined) carried.set(linkKey(parent), link.name)
  }
  return carried
}

/** The link as `link-add` takes it: bringing it up is a later op. */
function birth(link: Link): Link {
  const { up: _up, owned: _owned, presence: _presence, ...rest } = link
  return rest as Link
}

function refOf({ netns, name }: LinkRef): LinkRef {
  return { netns, name }
}
