import {
  digestOfMap,
  type EntryMap,
  entryChange,
  entryKey,
  type IntentDelta,
  type IntentPage,
  type Position,
} from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { endpointEntry, entriesOf, networkEntry, uidOf } from '../../../test/support/builders.ts'
import { acceptDelta, acceptSnapshot, type Held, isOwn, mostLosses, mustPull } from './accept.ts'

const BEFORE = entriesOf(networkEntry())
const AFTER = entriesOf(networkEntry(), endpointEntry())

function positionOf(entries: EntryMap, revision: number, incarnation = 1): Position {
  return { incarnation, revision, digest: digestOfMap(entries) }
}

function held(entries: EntryMap = BEFORE, revision = 10): Held {
  const identity = { cluster: 'c', incarnation: 1, epoch: 3 }
  return { host: 'docker1', identity, position: positionOf(entries, revision), entries }
}

function delta(parts: Partial<IntentDelta> = {}): IntentDelta {
  const about = { cluster: 'c', host: 'docker1', epoch: 3, previous: 10 }
  return { ...about, ...positionOf(AFTER, 11), ...entryChange(BEFORE, AFTER), ...parts }
}

function page(entries: EntryMap, parts: Partial<IntentPage> = {}): IntentPage {
  const about = { cluster: 'c', host: 'docker1', epoch: 3, massDelete: false, nextOffset: null }
  return { ...about, position: positionOf(entries, 11), entries: [...entries.values()], ...parts }
}

describe('a delta', () => {
  it('on top of what is held is taken', () => {
    const verdict = acceptDelta(held(), delta())
    expect(verdict).toMatchObject({ kind: 'accepted', position: positionOf(AFTER, 11) })
    expect(verdict.kind === 'accepted' && [...verdict.entries]).toEqual([...AFTER])
  })

  it.each([
    ['before the first snapshot', { ...held(), position: null }, delta(), 'resync'],
    ['with one missing before it', held(BEFORE, 9), delta(), 'resync'],
    ['with another digest', held(), delta({ digest: '1'.repeat(32) }), 'resync'],
    ['of a newer incarnation', held(), delta({ incarnation: 2 }), 'resync'],
    ['of an older incarnation', held(), delta({ incarnation: 0 }), 'refused'],
    ['of an older revision', held(AFTER, 12), delta(), 'refused'],
    ['already held', held(AFTER, 11), delta(), 'refused'],
    ['of the same revision with other content', held(BEFORE, 11), delta(), 'resync'],
    ['for another host', held(), delta({ host: 'docker2' }), 'refused'],
    ['of another cluster', held(), delta({ cluster: 'd' }), 'refused'],
    ['of another epoch', held(), delta({ epoch: 2 }), 'refused'],
  ] as const)('%s', (_, before, given, kind) => {
    expect(acceptDelta(before, given).kind).toBe(kind)
  })
})

describe('a delta of the host’s own containers', () => {
  const own = endpointEntry()
  const wishes: readonly (readonly [string, Partial<IntentDelta>, boolean])[] = [
    ['puts one', { put: [own], remove: [] }, true],
    ['takes one away', { put: [], remove: [entryKey(own)] }, true],
    ['puts another host’s', { put: [own, endpointEntry({ host: 'docker2' })], remove: [] }, false],
    ['puts a shim', { put: [endpointEntry({ role: 'shim' })], remove: [] }, false],
    ['puts a network', { put: [own, networkEntry()], remove: [] }, false],
    ['takes away what is not held', { put: [], remove: ['endpoint/x'] }, false],
  ]
  it.each(wishes)('%s', (_, parts, expected) => {
    expect(isOwn(held(AFTER), delta(parts))).toBe(expected)
  })
})

describe('a snapshot', () => {
  it('in pages of one position is taken', () => {
    const [first, ...rest] = [...AFTER.values()]
    const pages = [
      page(AFTER, { entries: first === undefined ? [] : [first], nextOffset: 1 }),
      page(AFTER, { entries: rest }),
    ]
    expect(acceptSnapshot(held(), pages, new Set())).toMatchObject({
      kind: 'accepted',
      position: positionOf(AFTER, 11),
    })
  })

  it.each([
    ['pages of two positions', [page(AFTER), page(AFTER, { position: positionOf(AFTER, 12) })], 'resync'],
    ['digest differs', [page(AFTER, { entries: [] })], 'resync'],
    ['older', [page(AFTER, { position: positionOf(AFTER, 9) })], 'refused'],
    ['of another epoch', [page(AFTER, { epoch: 4 })], 'refused'],
    ['none', [], 'refused'],
  ])('%s', (_, pages, kind) => {
    expect(acceptSnapshot(held(), pages, new Set()).kind).toBe(kind)
  })

  it('of a newer incarnation may go back in revision', () => {
    const given = page(AFTER, { position: positionOf(AFTER, 2, 2) })
    expect(acceptSnapshot(held(), [given], new Set()).kind).toBe('accepted')
  })
})

describe('the mass-delete guard', () => {
  const letters = [...'0123456789abcdefghjk']
  const many = entriesOf(networkEntry(), ...letters.map((letter) => endpointEntry({ uid: uidOf(letter) })))
  const local = new Set(letters.map(uidOf))

  it('lets ten go, or three in ten', () => {
    expect([0, 20, 33, 34, 100].map(mostLosses)).toEqual([10, 10, 10, 10, 30])
  })

  it.each([
    [10, false, 'accepted'],
    [11, false, 'refused'],
    [11, true, 'accepted'],
  ])('%i of 20 gone, marked %s: %s', (gone, massDelete, kind) => {
    const left = entriesOf(
      networkEntry(),
      ...letters.slice(gone).map((letter) => endpointEntry({ uid: uidOf(letter) })),
    )
    expect(acceptSnapshot(held(many), [page(left, { massDelete })], local).kind).toBe(kind)
  })

  it('does not count what this host gave back itself, nor the endpoints of others', () => {
    const none = entriesOf(networkEntry())
    expect(acceptSnapshot(held(many), [page(none)], new Set()).kind).toBe('accepted')
    const others = entriesOf(
      networkEntry(),
      ...letters.map((letter) => endpointEntry({ uid: uidOf(letter), host: 'docker2' })),
    )
    expect(acceptSnapshot(held(others), [page(none)], local).kind).toBe('accepted')
  })
})

describe('whether to pull', () => {
  const at = positionOf(BEFORE, 10)
  it.each([
    ['nothing held', null, at, true],
    ['the same', at, at, false],
    ['newer', at, positionOf(AFTER, 11), true],
    ['newer, same content', at, positionOf(BEFORE, 11), false],
    ['older', at, positionOf(AFTER, 9), false],
    ['same revision, other content', at, positionOf(AFTER, 10), true],
    ['newer incarnation', at, positionOf(AFTER, 1, 2), true],
  ] as const)('%s', (_, mine, target, expected) => {
    expect(mustPull(mine, target)).toBe(expected)
  })
})
