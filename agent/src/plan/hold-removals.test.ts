import { EMPTY_HOST_STATE, type Link, type Op } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { diff } from './diff.ts'
import { holdRemovals } from './hold-removals.ts'

const vxlan = (vni: number): Link => ({
  kind: 'vxlan',
  netns: 'weft',
  name: 'wfx1',
  vni,
  underlay: 'eth0',
  local: '10.0.0.1',
  udpPort: 4789,
  learning: false,
  proxy: true,
  up: true,
  owned: true,
})
const eth0: Link = { kind: 'other', netns: '', name: 'eth0' }
const bridge: Link = { kind: 'bridge', netns: 'weft', name: 'wfb1', up: true, owned: true }
const stateOf = (...links: Link[]) => ({ ...EMPTY_HOST_STATE, links })
const neighbour = { netns: 'weft', link: 'wfx1', ip: '10.1.0.7', mac: '02:00:00:00:00:07' }

describe('removals held back', () => {
  it('a link to be made anew stays as it is, with all that was meant for the new one', () => {
    const desired = { ...stateOf(vxlan(2), bridge), neighbours: [neighbour] }
    const { ops } = diff(desired, stateOf(eth0, vxlan(1)))
    expect(ops.map(({ op }) => op)).toEqual(expect.arrayContaining(['link-delete', 'link-add', 'neighbour-set']))
    const names = holdRemovals(ops).map((op) => (op.op === 'link-add' ? op.link.name : op.op === 'link-set' && op.name))
    expect(names).toEqual(['wfb1', 'wfb1'])
  })

  it('the other end of a held pair is held, too', () => {
    const port: Link = { kind: 'veth', netns: 'weft', name: 'wfp1', peer: { netns: '', name: 'wfc1' } }
    const ops: Op[] = [
      { op: 'link-delete', netns: 'weft', name: 'wfp1', why: 'anew' },
      { op: 'link-add', link: port },
      { op: 'link-set', netns: '', name: 'wfc1', set: { up: true } },
    ]
    expect(holdRemovals(ops)).toEqual([])
  })

  it('what is only added passes', () => {
    const ops: Op[] = [{ op: 'neighbour-set', neighbour }]
    expect(holdRemovals([...ops, { op: 'neighbour-delete', neighbour }])).toEqual(ops)
  })
})
