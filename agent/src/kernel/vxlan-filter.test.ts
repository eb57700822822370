import { describe, expect, it } from 'vitest'
import { filterScript, parseTable } from './vxlan-filter.ts'

describe('filterScript', () => {
  it('replaces the table in one transaction, and removes it for no filters', () => {
    expect(filterScript([])).toBe('add table inet weft_vxlan\ndelete table inet weft_vxlan\n')
    const script = filterScript([
      { udpPort: 4789, vni: 4097, peers: ['10.0.0.2', 'fd00::2'] },
      { udpPort: 4789, vni: 4098, peers: [] },
    ])
    expect(script).toMatch(/^add table inet weft_vxlan\ndelete table inet weft_vxlan\ntable inet weft_vxlan \{/)
    expect(script).toContain('elements = { 4789 }')
    expect(script).toContain('elements = { 4789 . 4097, 4789 . 4098 }')
    expect(script).toContain('elements = { 10.0.0.2 . 4789 . 4097 }')
    expect(script).toContain('elements = { fd00::2 . 4789 . 4097 }')
  })

  it.each(['10.0.0.2 }; flush ruleset', '10.1', '010.0.0.1', '', '10.0.0.0/8'])('refuses %j as a peer', (peer) => {
    expect(() => filterScript([{ udpPort: 4789, vni: 4097, peers: [peer] }])).toThrow(/not an IP address/)
  })

  it.each([0, 65536, 1.5, Number.NaN])('refuses port %d', (udpPort) => {
    expect(() => filterScript([{ udpPort, vni: 4097, peers: [] }])).toThrow(/not a UDP port/)
  })

  it.each([0, 0x1000000, -1, 1.5, Number.NaN])('refuses VNI %d', (vni) => {
    expect(() => filterScript([{ udpPort: 4789, vni, peers: [] }])).toThrow(/not a VNI/)
  })
})

/** As nft 1.0.6 lists it, less handles and families. */
describe('parseTable', () => {
  const rule = (chain: string, ...expr: object[]) => ({ rule: { chain, expr } })
  const VNI = { payload: { base: 'th', offset: 96, len: 24 } }
  const match = (right: unknown) => ({ match: { op: '==', left: VNI, right } })
  const set = (name: string, ...elem: unknown[]) => ({ set: { name, ...(elem.length > 0 ? { elem } : {}) } })
  const counter = { counter: { packets: 0, bytes: 0 } }
  const sets = [
    set('ports', 4789),
    set('networks', { concat: [4789, 4098] }, { concat: [4789, 4097] }),
    set('peers4', { concat: ['10.0.0.3', 4789, 4097] }, { concat: ['10.0.0.2', 4789, 4097] }),
    set('peers6'),
  ]
  const rules = [
    rule('judge', match('@peers4'), { accept: null }),
    rule('judge', match('@peers6'), { accept: null }),
    rule('judge', match('@networks'), counter, { drop: null }),
    rule('judge', match({ range: [0, 0xffffff] }), { accept: null }),
    rule('judge', counter, { drop: null }),
    rule('prerouting', match('@ports'), match('local'), { goto: { target: 'judge' } }),
  ]
  const table = (rules: object[], sets: object[]) => ({
    nftables: [
      { metainfo: {} },
      ...sets,
      { chain: { name: 'judge' } },
      { chain: { name: 'prerouting', hook: 'prerouting', prio: -300 } },
      ...rules,
    ],
  })

  it('reads networks and their peers from the sets', () => {
    expect(parseTable(table(rules, sets))).toEqual([
      { udpPort: 4789, vni: 4097, peers: ['10.0.0.2', '10.0.0.3'] },
      { udpPort: 4789, vni: 4098, peers: [] },
    ])
  })

  it('reads no filter of a network whose port is not looked at', () => {
    expect(parseTable(table(rules, [set('ports', 4790), ...sets.slice(1)]))).toEqual([])
  })

  it.each(rules.map((_, index) => index))('reads a table without its rule %d as no filter', (index) => {
    const left = rules.filter((_, other) => other !== index)
    expect(parseTable(table(left, sets))).toEqual([])
  })

  it('reads a table with a rule too many, rules in another order, or no table, as no filter', () => {
    expect(parseTable(table([rule('prerouting', { accept: null }), ...rules], sets))).toEqual([])
    expect(parseTable(table([...rules].reverse(), sets))).toEqual([])
    expect(parseTable({ nftables: [] })).toEqual([])
  })
})
