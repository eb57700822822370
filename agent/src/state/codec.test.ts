import { describe, expect, it } from 'vitest'
import { endpointEntry, entriesOf, networkEntry, record, state } from '../testing/builders.ts'
import { createEncoder, decodeState } from './codec.ts'

const FULL = state(
  { entries: entriesOf(networkEntry(), endpointEntry()), releases: [{ req: 'request-1', endpoints: [] }] },
  [record()],
)

describe('text of the state file', () => {
  it('gives back what was written', () => {
    expect(decodeState(createEncoder()(FULL))).toEqual(FULL)
  })

  it('follows entries that change', () => {
    const encode = createEncoder()
    encode(FULL)
    const less = { ...FULL, entries: entriesOf(networkEntry()) }
    expect(decodeState(encode(less))).toEqual(less)
  })

  it.each([
    ['empty', () => ''],
    ['garbage', () => '\u0000\u0001garbage'],
    ['cut', (text: string) => text.slice(0, -10)],
    ['one letter altered', (text: string) => text.replace('mynet', 'mynot')],
    ['another version', (text: string) => text.replace('"v":1', '"v":2')],
    ['a line missing', (text: string) => text.split('\n').slice(0, 2).join('\n')],
  ])('refuses a text that is %s', (_, spoil) => {
    expect(() => decodeState(spoil(createEncoder()(FULL)))).toThrow(/state file/)
  })
})
