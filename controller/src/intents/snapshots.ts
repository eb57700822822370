/**
 * Whole intents in pages, for hosts that lost their thread. All pages of one snapshot are of one position: it is held
 * from its first page to its last, one per host, whatever changes meanwhile.
 */
import { type Entry, type Position, WeftError } from '@weft/shared'
import type { Targets } from './targets.ts'

/** Bytes of JSON of the entries in a page; a quarter of what the bus carries. */
export const PAGE_BYTES = 256 * 1024

export interface SnapshotPage {
  readonly position: Position
  readonly entries: Entry[]
  readonly nextOffset: number | null
}

interface Held {
  readonly position: Position
  readonly entries: readonly Entry[]
}

export class Snapshots {
  readonly #targets: Targets
  readonly #held = new Map<string, Held>()
  readonly #pageBytes: number

  constructor(targets: Targets, pageBytes: number = PAGE_BYTES) {
    this.#targets = targets
    this.#pageBytes = pageBytes
  }

  /**
   * One page, entries in key order. Offset 0 begins with what is wanted now; further pages name its revision.
   * @throws `unavailable` when this controller knows no intent of the host yet, `conflict` when the snapshot is not held
   * here (another controller began it, or a newer one replaced it), `invalid` for an offset outside of it.
   */
  page(host: string, offset: number, revision: number | undefined): SnapshotPage {
    const held = offset === 0 ? this.#begin(host) : this.#held.get(host)
    if (held === undefined || (offset > 0 && held.position.revision !== revision)) {
      throw new WeftError('conflict', {
        what: 'snapshot has moved',
        on: `${host} at revision ${revision ?? 'none'}`,
        why: held === undefined ? 'it is not held here' : `revision ${held.position.revision} is held`,
        remedy: 'begin again at offset 0',
      })
    }
    if (offset > held.entries.length) {
      const why = `the snapshot has ${held.entries.length} entries`
      throw new WeftError('invalid', { what: 'offset outside the snapshot', on: String(offset), why })
    }
    const end = pageEnd(held.entries, offset, this.#pageBytes)
    const last = end >= held.entries.length
    if (last) this.#held.delete(host)
    return { position: held.position, entries: held.entries.slice(offset, end), nextOffset: last ? null : end }
  }

  #begin(host: string): Held {
    const target = this.#targets.get(host)
    if (target === undefined) {
      const why = 'this controller has not seen it join yet, or cannot read all of etcd (weft status tells)'
      throw new WeftError('unavailable', { what: 'no intent of host', on: host, why, remedy: 'ask again' })
    }
    const entries = [...target.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
    const held = { position: target.position, entries }
    this.#held.set(host, held)
    return held
  }
}

/** As many entries as fit, one at least. */
function pageEnd(entries: readonly Entry[], offset: number, pageBytes: number): number {
  let bytes = 0
  let end = offset
  for (const entry of entries.slice(offset)) {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1
    if (end > offset && bytes > pageBytes) break
    end++
  }
  return end
}
