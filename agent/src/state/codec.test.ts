import { describe, expect, it } from 'vitest'
import { endpointEntry, entriesOf, networkEntry, record, state } from '../../../test/support/builders.ts'
import { createEncoder, decodeLive, decodeState, encodeLive } from './codec.ts'

const FULL = state(
  { entries: entriesOf(networkEntry(), endpointEntry()), releases: [{ req: 'request-1', endpoints: [] }] },
  [record()],
)

describe('text of the state file', () => {
  it('gives back what was written', () => {
    expect(decodeState(createEncoder(() => 'nonce')(FULL).text).state).toEqual(FULL)
  })

  it('has another checksum each time', () => {
    let count = 0
    const encode = createEncoder(() => String(++count))
    expect(encode(FULL).sha256).not.toBe(encode(FULL).sha256)
    expect(decodeState(encode(FULL).text)).toMatchObject({ state: FULL })
  })

  it('follows entries that change', () => {
    const encode = createEncoder(() => 'nonce')
    encode(FULL)
    const less = { ...FULL, entries: entriesOf(networkEntry()) }
    expect(decodeState(encode(less).text).state).toEqual(less)
  })

  it.each([
    ['empty', () => ''],
    ['garbage', () => '\u0000\u0001garbage'],
    ['cut', (text: string) => text.slice(0, -10)],
    ['one letter altered', (text: string) => text.replace('mynet', 'mynot')],
    ['another version', (text: string) => text.replace('"v":1', '"v":2')],
    ['a line missing', (text: string) => text.split('\n').slice(0, 2).join('\n')],
  ])('refuses a text that is %s', (_, spoil) => {
    expect(() => decodeState(spoil(createEncoder(() => 'nonce')(FULL).text))).toThrow(/state file/)
  })
})

describe('text of the live file', () => {
  const over = ['a'.repeat(64), 'b'.repeat(64)]

  it('gives back all but the intent, and over which state files', () => {
    const { endpoints, releases, dockerNetworks, docker, endpointsKnown } = FULL
    const live = { endpoints, releases, dockerNetworks, docker, endpointsKnown }
    expect(decodeLive(encodeLive(FULL, over, 7))).toEqual({ live, over, sequence: 7 })
  })

  it.each([
    ['empty', () => ''],
    ['cut', (text: string) => text.slice(0, -10)],
    ['one letter altered', (text: string) => text.replace('sandbox', 'sandbux')],
    ['a state file', () => createEncoder(() => 'nonce')(FULL).text],
  ])('refuses a text that is %s', (_, spoil) => {
    expect(() => decodeLive(spoil(encodeLive(FULL, over, 1)))).toThrow(/live file/)
  })
})
