/**
 * What every host should have, and since which revision: the last compiled intent of each host with its position.
 * Invariants: a position changes exactly when the host's entries do; its digest is that of the entries; its revision
 * never falls within an incarnation.
 */
import {
  digestOfMap,
  EMPTY_DIGEST,
  type Entry,
  type EntryMap,
  entryChange,
  entryKey,
  type Position,
  shiftDigest,
} from '@weft/shared'

/** What changed for a host, as it is pushed. */
export interface TargetChange {
  /** Revision of the position before. */
  readonly previous: number
  readonly position: Position
  readonly put: Entry[]
  readonly remove: string[]
}

interface Target {
  readonly entries: EntryMap
  readonly position: Position
}

export class Targets {
  readonly #targets = new Map<string, Target>()

  /**
   * Takes a host's newly compiled entries. Gives back what changed; undefined when nothing did, or when the host is new
   * here: nobody can tell what it has, so it asks for the whole.
   */
  update(host: string, entries: EntryMap, incarnation: number, revision: number): TargetChange | undefined {
    const old = this.#targets.get(host)
    if (old === undefined || old.position.incarnation !== incarnation) {
      this.#targets.set(host, { entries, position: { incarnation, revision, digest: digestOfMap(entries) } })
      return undefined
    }
    const { put, remove } = entryChange(old.entries, entries)
    if (put.length === 0 && remove.length === 0) return undefined
    const gone = [...remove, ...put.map(entryKey)].flatMap((key) => old.entries.get(key) ?? [])
    const digest = shiftDigest(old.position.digest, gone, put)
    const position = { incarnation, revision, digest }
    this.#targets.set(host, { entries, position })
    return { previous: old.position.revision, position, put, remove }
  }

  /**
   * Learns from a host at which revision it took in the very entries that are wanted. Controllers see the changes in
   * batches of their own, so they may count one content from different revisions; following the host, a change of the
   * controller that answers or pushes costs no resync. `known`: the revision that this controller's view has reached.
   */
  adopt(host: string, accepted: Position, known: number): void {
    const target = this.#targets.get(host)
    if (target === undefined || accepted.revision > known) return
    const { incarnation, digest } = target.position
    if (accepted.incarnation !== incarnation || accepted.digest !== digest) return
    this.#targets.set(host, { entries: target.entries, position: accepted })
  }

  forget(host: string): void {
    this.#targets.delete(host)
  }

  hosts(): string[] {
    return [...this.#targets.keys()]
  }

  /** Where the host should stand; for a host without any entry the empty intent. */
  position(host: string): Position {
    return this.#targets.get(host)?.position ?? { incarnation: 0, revision: 0, digest: EMPTY_DIGEST }
  }

  get(host: string): Target | undefined {
    return this.#targets.get(host)
  }
}
