import { interfaceName } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../domain/index.ts'
import { probeEnds, wiresOf } from './plan.ts'

const network = (name: string, driver: string, options: Record<string, string>) =>
  [name, { value: { name, driver, options, uid: `uid-${name}` } }] as const
const viewOf = (...networks: ReturnType<typeof network>[]) =>
  ({ networks: new Map(networks) }) as unknown as ClusterView

describe('the wires that are tried', () => {
  it('are those of every network with a parent, with whose MACs, and by its bridge where it has one', () => {
    const view = viewOf(
      network('b', 'macvlan', { parent: 'eth1.100' }),
      network('a', 'macvlan', { parent: 'eth1.100' }),
      network('l3', 'ipvlan', { parent: 'eth1.200', ipvlan_mode: 'l3' }),
      network('over', 'overlay', {}),
      network('all', 'macvlan', { parent: 'eth2', macvlan_mode: 'passthru' }),
      network('local', 'bridge', {}),
      network('joined', 'bridge', { parent: 'eth3' }),
    )
    expect(wiresOf(view)).toEqual([
      { parent: 'eth1.100', networks: ['a', 'b'], macs: 'own' },
      { parent: 'eth1.200', networks: ['l3'], macs: 'parent' },
      { parent: 'eth2', networks: ['all'], macs: 'parent' },
      { parent: 'eth3', networks: ['joined'], macs: 'own', bridge: interfaceName('bridge', 'uid-joined') },
    ])
  })

  it('are so many at most as a probe tries, however many there are', () => {
    const many = Array.from({ length: 40 }, (_, index) =>
      network(`n${index}`, 'bridge', { parent: `eth1.${index + 1}` }),
    )
    const facts = (address: string) => ({ value: { facts: { underlay: { address } } } })
    const hosts = {
      facts: new Map([
        ['a', facts('192.0.2.1')],
        ['b', facts('192.0.2.2')],
      ]),
    }
    const view = { ...viewOf(...many), ...hosts } as unknown as ClusterView
    const ends = probeEnds(view, ['a', 'b'], { id: '0123456789', number: 0, vni: 7 })
    expect(wiresOf(view)).toHaveLength(40)
    expect(ends?.asks.wires).toEqual(wiresOf(view).slice(0, 32))
    expect(ends?.answers.wires).toEqual(ends?.asks.wires)
  })
})
