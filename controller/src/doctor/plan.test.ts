import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../domain/index.ts'
import { wiresOf } from './plan.ts'

const network = (name: string, driver: string, options: Record<string, string>) =>
  [name, { value: { name, driver, options } }] as const
const viewOf = (...networks: ReturnType<typeof network>[]) =>
  ({ networks: new Map(networks) }) as unknown as ClusterView

describe('the wires that are tried', () => {
  it('are those of every driver whose links share a parent, with whose MACs', () => {
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
    ])
  })
})
