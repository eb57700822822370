import { describe, expect, it } from 'vitest'
import { filterScript, parseTable } from './vxlan-filter.ts'

describe('filterScript', () => {
  it('replaces the table in one transaction, and removes it for no filters', () => {
    expect(filterScript([])).toBe('add table inet weft_vxlan\ndelete table inet weft_vxlan\n')
    const script = filterScript([{ udpPort: 4789, peers: ['10.0.0.2', 'fd00::2'] }])
    expect(script).toMatch(/^add table inet weft_vxlan\ndelete table inet weft_vxlan\ntable inet weft_vxlan \{/)
    expect(script).toContain('elements = { 10.0.0.2 . 4789 }')
    expect(script).toContain('elements = { fd00::2 . 4789 }')
  })

  it.each(['10.0.0.2 }; flush ruleset', '10.1', '010.0.0.1', '', '10.0.0.0/8'])('refuses %j as a peer', (peer) => {
    expect(() => filterScript([{ udpPort: 4789, peers: [peer] }])).toThrow(/not an IP address/)
  })

  it.each([0, 65536, 1.5, Number.NaN])('refuses port %d', (udpPort) => {
    expect(() => filterScript([{ udpPort, peers: [] }])).toThrow(/not a UDP port/)
  })
})

describe('parseTable', () => {
  const rule = (chain: string, ...exprs: object[]) => ({ rule: { chain, expr: exprs } })
  const match = { match: {} }
  const table = (rules: object[]) => ({
    nftables: [
      { metainfo: {} },
      { set: { name: 'ports', elem: [4789] } },
      { set: { name: 'peers4', elem: [{ concat: ['10.0.0.2', 4789] }] } },
      { set: { name: 'peers6' } },
      { chain: { name: 'from_peers' } },
      { chain: { name: 'prerouting', hook: 'prerouting', prio: -300 } },
      ...rules,
    ],
  })
  const rules = [
    rule('from_peers', match, { accept: null }),
    rule('from_peers', match, { accept: null }),
    rule('from_peers', { counter: {} }, { drop: null }),
    rule('prerouting', match, match, { goto: { target: 'from_peers' } }),
  ]

  it('reads ports and peers from the sets', () => {
    expect(parseTable(table(rules))).toEqual([{ udpPort: 4789, peers: ['10.0.0.2'] }])
  })

  it('reads a table without its drop, or with a rule too many, as no filter', () => {
    expect(parseTable(table(rules.filter((_, index) => index !== 2)))).toEqual([])
    expect(parseTable(table([rule('prerouting', { accept: null }), ...rules]))).toEqual([])
    expect(parseTable({ nftables: [] })).toEqual([])
  })
})
