import { applyChange, digestOfMap, EMPTY_DIGEST, type Entry, toEntryMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { Targets } from './targets.ts'

const peer = (host: string, vtep: string): Entry => ({ kind: 'peer', host, vtep })

describe('targets', () => {
  it('pushes nothing for a host that is new here, and knows its position', () => {
    const targets = new Targets()
    expect(targets.position('docker1').digest).toBe(EMPTY_DIGEST)
    const entries = toEntryMap([peer('a', '10.0.0.1')])
    expect(targets.update('docker1', entries, 1, 7)).toBeUndefined()
    expect(targets.position('docker1')).toEqual({ incarnation: 1, revision: 7, digest: digestOfMap(entries) })
  })

  it('gives the change from one compiled intent to the next, with the digest of the whole', () => {
    const targets = new Targets()
    const before = toEntryMap([peer('a', '10.0.0.1'), peer('b', '10.0.0.2'), peer('c', '10.0.0.3')])
    const after = toEntryMap([peer('a', '10.0.0.1'), peer('b', '10.0.0.9'), peer('d', '10.0.0.4')])
    targets.update('docker1', before, 1, 7)
    const change = targets.update('docker1', after, 1, 9)
    expect(change).toMatchObject({ previous: 7, remove: ['peer/c'], position: { revision: 9 } })
    expect(change?.put.map((entry) => (entry.kind === 'peer' ? entry.host : ''))).toEqual(['b', 'd'])
    expect(applyChange(before, change ?? { put: [], remove: [] })).toEqual(after)
    expect(change?.position.digest).toBe(digestOfMap(after))
  })

  it('keeps the position when the entries are the same', () => {
    const targets = new Targets()
    targets.update('docker1', toEntryMap([peer('a', '10.0.0.1')]), 1, 7)
    expect(targets.update('docker1', toEntryMap([peer('a', '10.0.0.1')]), 1, 12)).toBeUndefined()
    expect(targets.position('docker1').revision).toBe(7)
  })

  it('wants a whole resync in a new incarnation, even at a lower revision', () => {
    const targets = new Targets()
    targets.update('docker1', toEntryMap([peer('a', '10.0.0.1')]), 1, 70)
    expect(targets.update('docker1', toEntryMap([peer('b', '10.0.0.1')]), 2, 12)).toBeUndefined()
    expect(targets.position('docker1')).toMatchObject({ incarnation: 2, revision: 12 })
  })

  it('counts the same entries from the revision at which the host took them in, and nothing else', () => {
    const targets = new Targets()
    const entries = toEntryMap([peer('a', '10.0.0.1')])
    targets.update('docker1', entries, 1, 30)
    const digest = digestOfMap(entries)
    targets.adopt('docker1', { incarnation: 1, revision: 20, digest: EMPTY_DIGEST }, 50)
    targets.adopt('docker1', { incarnation: 2, revision: 20, digest }, 50)
    targets.adopt('docker1', { incarnation: 1, revision: 51, digest }, 50)
    targets.adopt('docker2', { incarnation: 1, revision: 20, digest }, 50)
    expect(targets.position('docker1').revision).toBe(30)
    targets.adopt('docker1', { incarnation: 1, revision: 20, digest }, 50)
    expect(targets.position('docker1').revision).toBe(20)
    targets.adopt('docker1', { incarnation: 1, revision: 40, digest }, 50)
    expect(targets.position('docker1').revision).toBe(40)
    expect(targets.position('docker2').revision).toBe(0)
  })
})
