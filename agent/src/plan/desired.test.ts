import { type DriverHost, type Entry, FABRIC_NETNS, interfaceName, type LocalEndpoint, toEntryMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { aHost, aLocal, aNetwork, aRemote, bareKernel, uid } from '../../../test/support/networks.ts'
import { desiredState } from './desired.ts'
import { diff } from './diff.ts'

const network = (overrides: Parameters<typeof aNetwork>[0]): Entry => ({ kind: 'network', ...aNetwork(overrides) })
const endpoint = (index: number, host: string, of = uid('n1')): Entry => {
  const { uid: id, mac, addresses } = aRemote(index)
  return { kind: 'endpoint', uid: id, network: of, host, mac, addresses: [...addresses], aliases: [] }
}
const peer = (host: string, vtep: string): Entry => ({ kind: 'peer', host, vtep })

function plan(entries: Entry[], local: Record<string, LocalEndpoint[]> = {}, host: DriverHost = aHost()) {
  return desiredState({ entries: toEntryMap(entries), endpoints: new Map(Object.entries(local)), hostId: 'h1', host })
}

describe('desired state', () => {
  it('takes remote endpoints from the intent and own ones from the host', () => {
    const { state, problems } = plan([network({}), endpoint(1, 'h1'), endpoint(2, 'h2'), peer('h2', '192.0.2.2')], {
      [uid('n1')]: [aLocal(1)],
    })
    expect(problems).toEqual([])
    expect(state.fdb.filter(({ vtep }) => vtep !== undefined)).toEqual([
      { netns: FABRIC_NETNS, link: interfaceName('vxlan', uid('n1')), mac: aRemote(2).mac, vtep: '192.0.2.2' },
    ])
    expect(state.links.map(({ name }) => name)).toContain(interfaceName('container', aLocal(1).uid))
  })

  it('takes each network’s packets from its own peers, and shares a sub-interface', () => {
    const { state } = plan([
      network({ uid: uid('n1'), name: 'a', vni: 1 }),
      network({ uid: uid('n2'), name: 'b', vni: 2 }),
      network({ uid: uid('n3'), name: 'c', driver: 'macvlan', options: { parent: 'eth1.100' } }),
      network({ uid: uid('n4'), name: 'd', driver: 'macvlan', options: { parent: '@storage.100' } }),
      endpoint(1, 'h2', uid('n1')),
      endpoint(2, 'h3', uid('n2')),
      peer('h2', '192.0.2.2'),
      peer('h3', '192.0.2.3'),
    ])
    expect(state.nftTables.map(({ name }) => name).sort()).toEqual(['weft_gwbridge', 'weft_vxlan'])
    const filter = state.nftTables.find(({ name }) => name === 'weft_vxlan')
    expect(filter?.sets.map(({ name, elements }) => [name, elements])).toEqual([
      ['ports', ['4789']],
      ['networks', ['4789 . 1', '4789 . 2']],
      ['peers4', ['192.0.2.2 . 4789 . 1', '192.0.2.3 . 4789 . 2']],
      ['peers6', []],
    ])
    expect(state.links.filter(({ name }) => name === 'eth1.100')).toHaveLength(1)
  })

  it('makes one network’s trouble a problem with a remedy, and goes on with the others', () => {
    const { state, problems } = plan([
      network({ uid: uid('n1'), name: 'good' }),
      network({ uid: uid('n2'), name: 'lost', driver: 'macvlan', options: { parent: 'eth9' } }),
      network({ uid: uid('n3'), name: 'alien', driver: 'quantum' }),
      network({ uid: uid('n4'), name: 'odd', options: { prot: '1' } }),
      network({ uid: uid('n5'), name: 'unmapped', driver: 'bridge', options: { parent: '@nowhere.7' } }),
    ])
    expect(
      problems.map(({ code, network: of, message, remedy }) => [code, of, message.slice(0, 60), remedy !== undefined]),
    ).toEqual([
      ['not_found', uid('n2'), 'network lost: parent interface is missing on this host: eth9', true],
      ['invalid', uid('n3'), 'network alien: unknown driver: quantum: Weft has overlay, ma', true],
      ['invalid', uid('n4'), 'network odd: unknown option of the overlay driver: prot: it ', true],
      ['not_found', uid('n5'), 'network unmapped: logical uplink has no interface on this ho', true],
    ])
    expect(state.links.filter(({ presence }) => presence === 'required').map(({ alias }) => alias)).toEqual([
      'good',
      'good',
    ])
    expect(diff(state, bareKernel(aHost())).conflicts).toEqual([])
  })

  it('holds what exists of a network that cannot be expanded', () => {
    const observed = bareKernel(aHost())
    const link = (netns: string, name: string) => ({ kind: 'bridge', netns, name, owned: true }) as const
    const id = uid('n1')
    observed.links.push(
      link(FABRIC_NETNS, interfaceName('bridge', id)),
      link(FABRIC_NETNS, interfaceName('port', aLocal(1).uid)),
      link('', interfaceName('container', aLocal(1).uid)),
      link(FABRIC_NETNS, interfaceName('port', aLocal(2).uid)),
    )
    const { state } = plan([network({ driver: 'bridge', options: { parent: 'eth9' } })], { [id]: [aLocal(1)] })
    expect(diff(state, observed).ops).toEqual([
      { op: 'link-delete', netns: FABRIC_NETNS, name: interfaceName('port', aLocal(2).uid) },
    ])
  })

  it('holds the sub-interface under containers of a network that cannot be expanded', () => {
    const options = { parent: 'eth1.100', macvlan_mode: 'passthru' }
    const entries = [network({ driver: 'macvlan', options, egress: 'none' })]
    const made = plan(entries)
    const { state, problems } = plan(entries, { [uid('n1')]: [aLocal(1), aLocal(2)] })
    expect(problems).toMatchObject([{ code: 'conflict', message: expect.stringContaining('more than one container') }])
    const observed = bareKernel(aHost())
    for (const link of made.state.links) observed.links.push({ ...link, owned: true })
    expect(diff(made.state, observed)).toEqual({ ops: [], conflicts: [] })
    expect(diff(state, observed)).toEqual({ ops: [], conflicts: [] })
  })

  it('holds the sub-interface of a NIC that has another name now', () => {
    const entries = [network({ driver: 'macvlan', options: { parent: 'eth1.100' } })]
    const observed = bareKernel(aHost())
    for (const link of plan(entries).state.links) observed.links.push({ ...link, owned: true })
    const host = aHost()
    const interfaces = host.interfaces.map((fact) => (fact.name === 'eth1' ? { ...fact, name: 'ens7' } : fact))
    const { state, problems } = plan(entries, {}, { ...host, interfaces })
    expect(problems).toMatchObject([
      { code: 'not_found', message: expect.stringContaining('missing on this host: eth1') },
    ])
    expect(diff(state, observed)).toEqual({ ops: [], conflicts: [] })
  })

  it('holds tags in tags under containers when nothing says any more which NIC their uplink is', () => {
    const entries = [network({ driver: 'macvlan', options: { parent: '@storage.100.7' }, egress: 'none' })]
    const endpoints = { [uid('n1')]: [aLocal(1, 'sandbox')] }
    const observed = bareKernel(aHost())
    for (const link of plan(entries, endpoints).state.links) observed.links.push({ ...link, owned: true })
    const host = { ...aHost(), uplinks: {} }
    const { state, problems } = plan(entries, endpoints, host)
    expect(problems).toMatchObject([
      { code: 'not_found', message: expect.stringContaining('has no interface on this') },
    ])
    expect(diff(state, observed).ops).toEqual([])
    // With the last container they go.
    const empty = { ...observed, links: observed.links.filter(({ kind }) => kind !== 'macvlan') }
    expect(diff(plan(entries, {}, host).state, empty).ops).toMatchObject([
      { op: 'link-delete', name: 'eth1.100.7' },
      { op: 'link-delete', name: 'eth1.100' },
    ])
  })

  it('holds the guards of a network that cannot be expanded', () => {
    const entries = [network({ driver: 'macvlan', options: { parent: 'eth1' } })]
    const endpoints = { [uid('n1')]: [aLocal(1, 'sandbox')] }
    const whole = plan(entries, endpoints).state
    expect(whole.nftTables.map(({ name }) => name).sort()).toEqual([`weft_guard_${aLocal(1).uid}`, 'weft_gwbridge'])
    const observed = bareKernel(aHost())
    for (const link of whole.links) observed.links.push({ ...link, owned: true })
    // As an agent that has just started finds it.
    for (const table of whole.nftTables) observed.nftTables.push({ ...table, sets: [], chains: [] })
    const host = aHost()
    const { state } = plan(entries, endpoints, { ...host, interfaces: [] })
    expect(diff(state, observed).ops).toEqual([])
  })

  it('holds endpoints of a network that the intent does not name, and says so', () => {
    const { state, problems } = plan([], { [uid('n1')]: [aLocal(1)], [uid('n2')]: [] })
    expect(problems).toMatchObject([{ code: 'not_found', network: uid('n1') }])
    expect(state.links.every(({ presence }) => presence === 'tolerated')).toBe(true)
  })

  it('reports a peer without a VTEP', () => {
    const { state, problems } = plan([network({}), endpoint(1, 'h9')])
    expect(problems).toMatchObject([{ message: expect.stringContaining('host h9 but not its VTEP') }])
    expect(state.fdb).toEqual([])
  })

  it('reports an underlay that is too small for the network, and makes it as large as it goes', () => {
    const { state, problems } = plan([network({ mtu: 8950 })])
    expect(state.links[0]?.mtu).toBe(1450)
    expect(problems).toMatchObject([
      { message: expect.stringContaining('its MTU is 8950, but this host carries only 1450') },
    ])
  })

  it('completes the host’s uplinks by those of the intent', () => {
    const { problems } = plan([
      network({ driver: 'macvlan', options: { parent: '@lan.5' } }),
      { kind: 'uplink', name: 'lan', interface: 'eth1' },
    ])
    expect(problems).toEqual([])
  })

  it.each([
    [
      'a VLAN on a parent',
      { driver: 'macvlan', options: { parent: 'eth1.100' } },
      { driver: 'bridge', options: { parent: 'eth1.100' } },
    ],
    ['a VNI on a UDP port', { vni: 7 }, { vni: 7 }],
    [
      'a parent in passthru mode',
      { driver: 'bridge', options: { parent: 'eth1' } },
      { driver: 'macvlan', options: { parent: 'eth1' } },
    ],
    [
      'a parent for macvlan',
      { driver: 'macvlan', options: { parent: 'eth1' } },
      { driver: 'ipvlan', options: { parent: 'eth1' } },
    ],
    [
      'a parent for ipvlan l2',
      { driver: 'ipvlan', options: { parent: 'eth1' } },
      { driver: 'ipvlan', options: { parent: '@storage', mode: 'l3' } },
    ],
    [
      'a name used in two ways',
      { driver: 'macvlan', options: { parent: 'eth1.7' } },
      { driver: 'macvlan', options: { parent: 'eth1.7.8' } },
    ],
  ])('gives %s to the first network and refuses the second by name', (_what, first, second) => {
    const { state, problems } = plan(
      [network({ uid: uid('n1'), name: 'first', ...first }), network({ uid: uid('n2'), name: 'second', ...second })],
      { [uid('n1')]: [aLocal(2)], [uid('n2')]: [aLocal(1)] },
    )
    expect(problems).toMatchObject([
      { code: 'conflict', network: uid('n2'), message: expect.stringContaining('network first has') },
    ])
    expect(diff(state, bareKernel(aHost())).conflicts).toEqual([])
  })
})
