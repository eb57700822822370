import { EMPTY_HOST_STATE, type HostState, type Link, nftTableScript } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import type { BridgeUse } from '../state/egress.ts'
import { diff } from './diff.ts'
import { bridgeEnds, leftBridgeState } from './gateway-bridge.ts'

const BOX = '/run/docker/netns/1'
const link = (netns: string, name: string, more: object): Link => ({ kind: 'veth', netns, name, up: true, ...more })
const OBSERVED: HostState = {
  ...EMPTY_HOST_STATE,
  links: [
    { kind: 'bridge', netns: '', name: 'docker_gwbridge', up: true },
    link('', 'veth1', { master: 'docker_gwbridge' }),
    link('', 'veth2', { master: 'docker0' }),
    link(BOX, 'eth0', { peer: { netns: 'weft', name: 'wfp1' } }),
    link(BOX, 'eth1', { peer: { netns: '', name: 'veth1' } }),
    link(BOX, 'eth2', { peer: { netns: '', name: 'veth2' } }),
  ],
  addresses: [
    { netns: BOX, link: 'eth0', address: '10.1.0.5/24' },
    { netns: BOX, link: 'eth1', address: '172.18.0.2/16' },
  ],
  routes: [{ netns: BOX, link: 'eth1', destination: '0.0.0.0/0', via: '172.18.0.1', owned: false }],
}
const ENDS = bridgeEnds(OBSERVED)
const facts = { mtu: 1500, mac: '', up: true, kind: 'bridge' }
const HOST = { interfaces: [{ ...facts, name: 'docker_gwbridge', addresses: ['172.18.0.1/16', 'fd18::1/64'] }] }
const use = (more: Partial<BridgeUse>): BridgeUse => ({ wanted: false, elsewhere: [], settled: true, ...more })
const left = (more: Partial<BridgeUse>) => leftBridgeState(ENDS, new Map([[BOX, use(more)]]), HOST)
const tableNames = ({ nftTables }: HostState) => nftTables.map(({ netns, name }) => `${netns} ${name.slice(0, 9)}`)
const led = (state: HostState) =>
  state.nftTables.flatMap(({ name, sets }) =>
    name === 'weft_gwbridge' ? sets.flatMap(({ elements }) => elements) : [],
  )

describe('interfaces on Docker’s gateway bridge', () => {
  it('are known by their other end', () => {
    expect(ENDS).toEqual([{ netns: BOX, name: 'eth1', port: 'veth1', addresses: ['172.18.0.2/16'] }])
  })

  it('are let be where nothing changed', () => {
    expect(leftBridgeState(ENDS, new Map(), HOST)).toEqual(EMPTY_HOST_STATE)
  })

  it('are shut at both ends where there is no way out, and the route over them goes', () => {
    const state = left({})
    expect(tableNames(state)).toEqual([' weft_gwbr', ' weft_seal', `${BOX} weft_seal`])
    expect(state.nftTables.slice(1).map(({ chains }) => chains[0]?.hook?.device)).toEqual(['veth1', 'eth1'])
    expect(state.nftTables[1]?.chains[0]?.rules).toEqual(['iif != "veth1" accept', 'counter drop'])
    expect(nftTableScript(state.nftTables[1] as HostState['nftTables'][number])).toContain(
      'type filter hook ingress device "veth1" priority -300',
    )
    expect(diff(state, OBSERVED).ops.filter(({ op }) => op.startsWith('route'))).toEqual([
      { op: 'route-delete', route: OBSERVED.routes[0] },
    ])
    expect(led(state)).toEqual([])
  })

  it('lead in while another way leads out; their route is replaced, never removed before', () => {
    const state = left({ elsewhere: [4] })
    expect(tableNames(state)).toEqual([' weft_gwbr'])
    expect(led(state)).toEqual(['172.18.0.2'])
    const own: Link = { kind: 'veth', netns: BOX, name: 'eth0', presence: 'tolerated' }
    const route = { netns: BOX, link: 'eth0', destination: '0.0.0.0/0', via: '10.1.0.1' }
    const desired = { ...state, links: [...state.links, own], routes: [...state.routes, route] }
    expect(diff(desired, OBSERVED).ops.filter(({ op }) => op.startsWith('route'))).toEqual([{ op: 'route-set', route }])
    // Somebody else's default route over a network of Docker's stays.
    const foreign = { ...OBSERVED, routes: [{ ...(OBSERVED.routes[0] as HostState['routes'][number]), link: 'eth2' }] }
    expect(diff(desired, foreign).ops.filter(({ op }) => op.startsWith('route'))).toEqual([])
  })

  it('lead in to a family without another way, too, when the way out is one of the other family', () => {
    expect(led(left({ elsewhere: [6] }))).toEqual(['172.18.0.2'])
  })

  it('are a way out again: by the bridge’s address, of families that they have, once Docker has made its own', () => {
    const route = { netns: BOX, link: 'eth1', destination: '0.0.0.0/0', via: '172.18.0.1' }
    expect(left({ wanted: true }).routes).toEqual([route])
    expect(left({ wanted: true, settled: false }).routes).toEqual([])
    expect(left({ wanted: true, elsewhere: [4] }).routes).toEqual([])
    expect(tableNames(left({ wanted: true }))).toEqual([' weft_gwbr'])
    expect(led(left({ wanted: true }))).toEqual([])
  })
})
