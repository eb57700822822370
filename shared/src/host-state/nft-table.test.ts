import { describe, expect, it } from 'vitest'
import {
  mergeNftTables,
  type NftSet,
  type NftTable,
  nftClearScript,
  nftTableScript,
  sameNftTable,
} from './nft-table.ts'

const table = (more: Partial<NftTable> = {}): NftTable => ({
  netns: '',
  family: 'inet',
  name: 'weft_x',
  sets: [
    { kind: 'set', name: 'peers', of: 'type ipv4_addr', flags: ['interval'], elements: ['10.0.0.0/8', '9.9.9.9'] },
  ],
  chains: [
    {
      name: 'in',
      hook: { type: 'filter', at: 'ingress', priority: -300, policy: 'drop', device: 'eth0' },
      rules: ['ip saddr @peers accept', 'counter drop'],
    },
    { name: 'judge', rules: [] },
  ],
  ...more,
})

describe('nft tables', () => {
  it('are text that makes the whole of one, with our mark', () => {
    expect(nftTableScript(table())).toBe(`table inet weft_x {
  comment "weft"
  set peers { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 9.9.9.9 } }
  chain in {
    type filter hook ingress device "eth0" priority -300; policy drop;
    ip saddr @peers accept
    counter drop
  }
  chain judge {
  }
}
`)
    expect(nftClearScript(table())).toBe('add table inet weft_x\ndelete table inet weft_x\n')
  })

  it.each([
    [{ name: 'filter' }, 'name'],
    [{ chains: [{ name: 'a', rules: ['accept; flush ruleset'] }] }, 'rules'],
    [{ chains: [{ name: 'a', rules: ['accept\nflush ruleset'] }] }, 'rules'],
    [
      { chains: [{ name: 'a', hook: { type: 'filter', at: 'ingress', priority: 0, device: 'a" b' }, rules: [] }] },
      'device',
    ],
    [{ sets: [{ kind: 'set', name: 'a', of: 'type ipv4_addr', elements: ['1 }; }'] }] }, 'elements'],
  ] as [Partial<NftTable>, string][])('refuse %j', (wrong, where) => {
    expect(() => nftTableScript(table(wrong))).toThrow(where)
  })

  it('of several networks become one: elements of all, each rule once', () => {
    const more = table({
      sets: [
        { kind: 'set', name: 'peers', of: 'type ipv4_addr', flags: ['interval'], elements: ['9.9.9.9', '8.8.8.8'] },
      ],
      chains: [{ name: 'judge', rules: ['accept'] }],
    })
    const elsewhere = table({ netns: 'weft' })
    const [one, other, ...rest] = mergeNftTables([table(), elsewhere, more])
    expect(rest).toEqual([])
    expect(other).toBe(elsewhere)
    expect(one?.sets[0]?.elements).toEqual(['10.0.0.0/8', '9.9.9.9', '8.8.8.8'])
    expect(one?.chains.map(({ rules }) => rules.length)).toEqual([2, 1])
    const odd = table({ sets: [{ kind: 'set', name: 'peers', of: 'type ether_addr', elements: [] }] })
    expect(() => mergeNftTables([table(), odd])).toThrow(/two ways/)
  })

  it('give way to any other part when they are tolerated', () => {
    const tolerated = table({ sets: [], chains: [], presence: 'tolerated' })
    expect(mergeNftTables([tolerated, table()])).toEqual([table()])
    expect(mergeNftTables([table(), tolerated])).toEqual([table()])
    expect(mergeNftTables([tolerated, tolerated])).toEqual([tolerated])
  })

  it('are the same whatever the order of sets and elements, and not of rules', () => {
    const [set] = table().sets
    const extra: NftSet = { kind: 'set', name: 'a', of: 'type ipv4_addr', elements: [] }
    const turned = { ...set, elements: ['9.9.9.9', '10.0.0.0/8', '9.9.9.9'] } as NftTable['sets'][number]
    expect(sameNftTable(table({ sets: [turned, extra] }), table({ sets: [extra, ...table().sets] }))).toBe(true)
    const [chain, judge] = table().chains as [NftTable['chains'][number], NftTable['chains'][number]]
    const other = table({ chains: [{ ...chain, rules: [...chain.rules].reverse() }, judge] })
    expect(sameNftTable(table(), other)).toBe(false)
  })
})
