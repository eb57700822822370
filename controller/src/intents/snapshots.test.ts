import { digestOf, type Entry, toEntryMap, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { Snapshots } from './snapshots.ts'
import { Targets } from './targets.ts'

const peers = (count: number): Entry[] =>
  Array.from({ length: count }, (_, index) => ({ kind: 'peer', host: `h${index}`, vtep: `10.0.0.${index + 1}` }))

const code = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return error instanceof WeftError ? error.code : String(error)
  }
  return 'no error'
}

describe('snapshots', () => {
  it('gives one empty last page for an intent without entries', () => {
    const targets = new Targets()
    targets.update('docker1', new Map(), 1, 5)
    expect(new Snapshots(targets).page('docker1', 0, undefined)).toMatchObject({ entries: [], nextOffset: null })
  })

  it('gives all entries over bounded pages, all of one position, though the target moves meanwhile', () => {
    const targets = new Targets()
    targets.update('docker1', toEntryMap(peers(40)), 1, 5)
    const snapshots = new Snapshots(targets, 500)
    const entries: Entry[] = []
    let offset: number | null = 0
    let pages = 0
    while (offset !== null) {
      const page = snapshots.page('docker1', offset, 5)
      expect(Buffer.byteLength(JSON.stringify(page.entries))).toBeLessThanOrEqual(502)
      expect(page.position.revision).toBe(5)
      entries.push(...page.entries)
      offset = page.nextOffset
      targets.update('docker1', toEntryMap(peers(40 + ++pages)), 1, 5 + pages)
    }
    expect(pages).toBeGreaterThan(2)
    expect(digestOf(entries)).toBe(digestOf(peers(40)))
  })

  it('makes progress with an entry larger than a page', () => {
    const targets = new Targets()
    targets.update('docker1', toEntryMap(peers(3)), 1, 5)
    const snapshots = new Snapshots(targets, 1)
    expect(snapshots.page('docker1', 0, undefined)).toMatchObject({ nextOffset: 1 })
    expect(snapshots.page('docker1', 1, 5)).toMatchObject({ nextOffset: 2 })
    expect(snapshots.page('docker1', 2, 5)).toMatchObject({ nextOffset: null })
  })

  it('asks to begin again when the snapshot is not the one held, and refuses an offset outside of it', () => {
    const targets = new Targets()
    const snapshots = new Snapshots(targets, 1)
    expect(code(() => snapshots.page('docker1', 0, undefined))).toBe('unavailable')
    targets.update('docker1', toEntryMap(peers(3)), 1, 5)
    expect(code(() => snapshots.page('docker1', 1, 5))).toBe('conflict')
    snapshots.page('docker1', 0, undefined)
    expect(code(() => snapshots.page('docker1', 1, 4))).toBe('conflict')
    expect(code(() => snapshots.page('docker1', 4, 5))).toBe('invalid')
  })
})
