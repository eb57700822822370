import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, digestOf, EMPTY_DIGEST, shiftDigest } from './digest.ts'
import type { Entry } from './entry.ts'
import { applyChange, digestOfMap, entryChange, toEntryMap } from './intent.ts'

const uid = (index: number) => String(index).padStart(20, '0')
const arbEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc
    .record({
      index: fc.nat(6),
      network: fc.nat(2),
      host: fc.constantFrom('h1', 'h2'),
      name: fc.option(fc.constant('c'), { nil: undefined }),
    })
    .map(
      ({ index, network, host, name }): Entry => ({
        kind: 'endpoint',
        uid: uid(index),
        network: uid(network),
        host,
        mac: '02:00:00:00:00:01',
        addresses: [`10.0.0.${index + 1}`],
        aliases: [],
        ...(name === undefined ? {} : { name }),
      }),
    ),
  fc
    .record({ host: fc.constantFrom('h1', 'h2', 'h3'), last: fc.nat(3) })
    .map(({ host, last }): Entry => ({ kind: 'peer', host, vtep: `192.0.2.${last}` })),
  fc
    .record({ name: fc.constantFrom('storage', 'lan'), last: fc.nat(2) })
    .map(({ name, last }): Entry => ({ kind: 'uplink', name, interface: `eth${last}` })),
)
const arbMap = fc.array(arbEntry, { maxLength: 12 }).map(toEntryMap)

describe('intents', () => {
  it('turns one into the other by their change', () => {
    fc.assert(
      fc.property(arbMap, arbMap, (before, after) => {
        const change = entryChange(before, after)
        expect(new Map([...applyChange(before, change)].sort())).toEqual(new Map([...after].sort()))
        expect(entryChange(after, applyChange(before, change))).toEqual({ put: [], remove: [] })
      }),
    )
  })

  it('changes nothing between equals, and nothing twice', () => {
    fc.assert(
      fc.property(arbMap, arbMap, (before, after) => {
        expect(entryChange(before, new Map([...before].reverse()))).toEqual({ put: [], remove: [] })
        const change = entryChange(before, after)
        expect(applyChange(applyChange(before, change), change)).toEqual(applyChange(before, change))
      }),
    )
  })

  it('lists a change in one order, whatever the order of the maps', () => {
    fc.assert(
      fc.property(arbMap, arbMap, (before, after) => {
        expect(entryChange(new Map([...before].reverse()), new Map([...after].reverse()))).toEqual(
          entryChange(before, after),
        )
      }),
    )
  })
})

describe('digests', () => {
  it('shifts to what the digest of the result is', () => {
    fc.assert(
      fc.property(arbMap, arbMap, (before, after) => {
        const { put, remove } = entryChange(before, after)
        const old = [...remove, ...toEntryMap(put).keys()].flatMap((key) => before.get(key) ?? [])
        expect(shiftDigest(digestOfMap(before), old, put)).toBe(digestOfMap(after))
      }),
    )
  })

  it('is of the set: neither order nor the order of keys matters', () => {
    fc.assert(
      fc.property(arbMap, (map) => {
        const entries = [...map.values()]
        const turned = entries.map((entry) => Object.fromEntries(Object.entries(entry).reverse()) as Entry)
        expect(digestOf(turned.reverse())).toBe(digestOf(entries))
      }),
    )
  })

  it('differs when one entry differs, is missing or is there twice', () => {
    const [a, b]: Entry[] = [
      { kind: 'peer', host: 'h1', vtep: '192.0.2.1' },
      { kind: 'peer', host: 'h2', vtep: '192.0.2.1' },
    ]
    const digests = [[], [a], [b], [a, b], [a, a]].map((entries) => digestOf(entries as Entry[]))
    expect(new Set(digests).size).toBe(5)
    expect(digests[0]).toBe(EMPTY_DIGEST)
    expect(digests[0]).toMatch(/^[0-9a-f]{32}$/)
  })

  it('writes equal values alike', () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }], e: undefined })).toBe('{"a":[{"c":"x","d":null}],"b":1}')
  })
})
