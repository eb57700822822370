/**
 * Whether what came from a controller may become this host's intent: pure, so that every rule of the agent contract
 * (TRUTH.md 1, 3, 5) is a test.
 */
import {
  applyChange,
  digestOfMap,
  type EntryMap,
  entryKey,
  type IntentDelta,
  type IntentPage,
  type Position,
  shiftDigest,
} from '@weft/shared'
import type { Identity } from '../state/records.ts'

export interface Held {
  readonly host: string
  readonly identity: Identity
  /** Null before the first snapshot. */
  readonly position: Position | null
  readonly entries: EntryMap
}

export type Verdict =
  | { readonly kind: 'accepted'; readonly entries: EntryMap; readonly position: Position }
  /** Something was missed: ask for the whole. */
  | { readonly kind: 'resync'; readonly why: string }
  /** Older, or not for us: nothing to do. */
  | { readonly kind: 'refused'; readonly why: string }

/** A delta is taken only in order: the same cluster, epoch and incarnation, on top of exactly what is held. */
export function acceptDelta(held: Held, delta: IntentDelta): Verdict {
  const stranger = strangerTo(held, delta)
  if (stranger !== undefined) return { kind: 'refused', why: stranger }
  if (held.position === null) return { kind: 'resync', why: 'nothing held yet' }
  if (delta.incarnation < held.position.incarnation) return { kind: 'refused', why: 'older incarnation' }
  if (delta.incarnation > held.position.incarnation) return { kind: 'resync', why: 'newer incarnation' }
  if (delta.revision < held.position.revision) return { kind: 'refused', why: 'older revision' }
  if (delta.revision === held.position.revision) {
    return delta.digest === held.position.digest
      ? { kind: 'refused', why: 'already held' }
      : { kind: 'resync', why: 'other content at the same revision' }
  }
  if (delta.previous !== held.position.revision) return { kind: 'resync', why: 'a delta is missing' }
  const touched = new Set([...delta.remove, ...delta.put.map(entryKey)])
  const gone = [...touched].flatMap((key) => held.entries.get(key) ?? [])
  const digest = shiftDigest(held.position.digest, gone, delta.put)
  if (digest !== delta.digest) return { kind: 'resync', why: 'digest differs' }
  const { incarnation, revision } = delta
  return { kind: 'accepted', entries: applyChange(held.entries, delta), position: { incarnation, revision, digest } }
}

/**
 * A whole intent, put together from its pages. `losing` is asked only when it would be too much: how many of this
 * host's endpoints, attached or held here, the snapshot no longer has.
 */
export function acceptSnapshot(held: Held, pages: readonly IntentPage[], local: ReadonlySet<string>): Verdict {
  const [first] = pages
  if (first === undefined) return { kind: 'refused', why: 'no page' }
  const { position } = first
  for (const page of pages) {
    const stranger = strangerTo(held, page)
    if (stranger !== undefined) return { kind: 'refused', why: stranger }
    if (!samePosition(page.position, position)) return { kind: 'resync', why: 'pages of two positions' }
  }
  if (held.position !== null && isOlder(position, held.position)) return { kind: 'refused', why: 'older snapshot' }
  const entries: EntryMap = new Map(pages.flatMap((page) => page.entries.map((entry) => [entryKey(entry), entry])))
  if (digestOfMap(entries) !== position.digest) return { kind: 'resync', why: 'digest differs' }
  const { lost, own } = losses(held, entries, local)
  if (lost > mostLosses(own) && !pages.some((page) => page.massDelete)) {
    return { kind: 'refused', why: `it removes ${lost} of this host's ${own} endpoints` }
  }
  return { kind: 'accepted', entries, position }
}

/** A delta about endpoints of this host's own containers only; to be asked before it is applied. */
export function isOwn({ host, entries }: Held, { put, remove }: IntentDelta): boolean {
  const gone = remove.map((key) => entries.get(key))
  return [...put, ...gone].every(
    (entry) => entry?.kind === 'endpoint' && entry.host === host && entry.role === undefined,
  )
}

/** The mass-delete guard: how many of a host's endpoints a snapshot may take away without an operator's mark. */
export function mostLosses(own: number): number {
  return Math.max(10, Math.floor(own * 0.3))
}

/** Of the endpoints that are in the held intent and still used here, how many the new one lacks. */
function losses(held: Held, entries: EntryMap, local: ReadonlySet<string>): { lost: number; own: number } {
  const own = [...held.entries.values()].filter(
    (entry) => entry.kind === 'endpoint' && entry.host === held.host && local.has(entry.uid),
  )
  return { own: own.length, lost: own.filter((entry) => !entries.has(entryKey(entry))).length }
}

function strangerTo(held: Held, message: { cluster: string; host: string; epoch: number }): string | undefined {
  if (message.host !== held.host) return `for host ${message.host}`
  if (message.cluster !== held.identity.cluster) return `of cluster ${message.cluster}`
  if (message.epoch !== held.identity.epoch) return `of epoch ${message.epoch}`
  return undefined
}

function isOlder(a: Position, b: Position): boolean {
  return a.incarnation < b.incarnation || (a.incarnation === b.incarnation && a.revision < b.revision)
}

/** Whether a host that holds `held` should ask for what is at `target`. */
export function mustPull(held: Position | null, target: Position): boolean {
  if (held === null) return true
  if (samePosition(held, target)) return false
  if (held.incarnation === target.incarnation && held.digest === target.digest) return false
  return !isOlder(target, held)
}

function samePosition(a: Position, b: Position): boolean {
  return a.incarnation === b.incarnation && a.revision === b.revision && a.digest === b.digest
}
