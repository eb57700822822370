/** What is particular to each driver; what all share is in the conformance suite. */
import { type DriverInput, driverFor, FABRIC_NETNS, type HostState, parseOptions } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { aHost, aLocal, aNetwork, aRemote } from '../support/networks.ts'

type Given = Partial<Omit<DriverInput<unknown>, 'options'>> & { options?: Record<string, string> }

function expand(name: string, given: Given = {}): HostState {
  const driver = driverFor(name)
  const { options, ...rest } = given
  const network = aNetwork({ driver: name, options: options ?? {} })
  const input = { network, endpoints: [], peers: [], peerVteps: [], host: aHost(), ...rest }
  return driver.desired({ ...input, options: parseOptions(driver, options ?? {}) })
}
const links = (state: HostState) => state.links.map(({ kind, netns, mtu }) => `${kind} '${netns}' ${mtu}`)

describe('overlay', () => {
  it('takes 50 bytes off an IPv4 underlay and 70 off an IPv6 one', () => {
    expect(links(expand('overlay'))).toEqual([`bridge 'weft' 1450`, `vxlan 'weft' 1450`])
    const v6 = aHost({ underlay: { interface: 'eth0', address: '2001:db8::1', mtu: 9000 } })
    expect(links(expand('overlay', { host: v6, options: { attach: 'macvlan' } }))).toEqual([`vxlan 'weft' 8930`])
  })

  it('takes the network’s MTU before its own choice, and no more than the underlay carries', () => {
    expect(expand('overlay', { network: aNetwork({ mtu: 1400 }) }).links[0]?.mtu).toBe(1400)
    expect(expand('overlay', { network: aNetwork({ mtu: 8950 }) }).links[0]?.mtu).toBe(1450)
    expect(expand('overlay', { options: { mtu: '1300' } }).links[0]?.mtu).toBe(1300)
  })

  it('has one FDB entry a remote endpoint, one neighbour an address, and floods to nobody', () => {
    const peers = [aRemote(1), aRemote(2, '192.0.2.3')]
    const state = expand('overlay', { peers, peerVteps: ['192.0.2.3', '192.0.2.2'] })
    expect(state.fdb.map(({ mac, vtep }) => [mac, vtep])).toEqual(peers.map(({ mac, vtep }) => [mac, vtep]))
    expect(state.neighbours.map(({ ip }) => ip)).toEqual(peers.flatMap(({ addresses }) => addresses))
    const peers4 = state.nftTables[0]?.sets.find(({ name }) => name === 'peers4')
    expect(peers4?.elements).toEqual(['192.0.2.2 . 4789 . 4097', '192.0.2.3 . 4789 . 4097'])
  })

  it('adds one flood entry a peer on request', () => {
    const { fdb } = expand('overlay', {
      options: { flood: 'true' },
      peerVteps: ['192.0.2.3', '192.0.2.2', '192.0.2.2'],
    })
    expect(fdb.map(({ mac, vtep }) => `${mac} ${vtep}`)).toEqual([
      '00:00:00:00:00:00 192.0.2.2',
      '00:00:00:00:00:00 192.0.2.3',
    ])
  })

  it('switches IPv6 on the vxlan device on only where the network has it', () => {
    const vxlan = (state: HostState) => state.links.find(({ kind }) => kind === 'vxlan')
    expect(vxlan(expand('overlay'))?.ipv6).toBe(true)
    expect(vxlan(expand('overlay', { network: aNetwork({ subnets: [] }) }))?.ipv6).toBe(false)
    expect(() => expand('overlay', { options: { mtu: '1200' } })).toThrow(/MTU too small for IPv6: mynet: 1200/)
  })

  it('lets nothing be learned or flooded at the ports of containers', () => {
    const { links: all, fdb } = expand('overlay', { endpoints: [aLocal(1)] })
    const port = all.find(({ name }) => name.startsWith('wfp'))
    expect(port).toMatchObject({ netns: FABRIC_NETNS, port: { learning: false, flood: false, broadcastFlood: true } })
    expect(fdb).toEqual([{ netns: FABRIC_NETNS, link: port?.name, mac: aLocal(1).mac }])
    expect(all.find(({ kind }) => kind === 'vxlan')).toMatchObject({
      port: { learning: false, flood: true },
      proxy: true,
      learning: false,
    })
  })

  it('says so when it has no VNI', () => {
    const { vni: _, ...network } = aNetwork()
    expect(() => expand('overlay', { network })).toThrow(/overlay network has no VNI: mynet/)
    expect(expand('overlay', { network, options: { vni: '77' } }).links[1]).toMatchObject({ vni: 77 })
  })
})

describe('where an endpoint is', () => {
  it('makes it in the host’s own netns, not up, without addresses', () => {
    const state = expand('overlay', { options: { attach: 'macvlan' }, endpoints: [aLocal(1, 'new')] })
    expect(state.links[1]).toMatchObject({
      kind: 'macvlan',
      netns: '',
      mac: aLocal(1).mac,
      parent: { netns: 'weft' },
      presence: 'required',
    })
    expect(state.links[1]?.up).toBeUndefined()
    expect(state.addresses).toEqual([])
  })

  it('tolerates it in flight, port included', () => {
    const state = expand('overlay', { endpoints: [aLocal(1, 'in-flight')] })
    expect(state.links.slice(2).map(({ netns, presence }) => [netns, presence])).toEqual([
      ['weft', 'tolerated'],
      ['', 'tolerated'],
    ])
  })

  it('keeps its addresses and default routes in its sandbox', () => {
    const endpoint = aLocal(1, 'sandbox', { gateways: ['10.64.0.254', 'fd00::ff'] })
    const state = expand('macvlan', { options: { parent: 'eth1' }, endpoints: [endpoint] })
    const on = { netns: '/var/run/docker/netns/c1', link: 'eth0' }
    expect(state.links).toMatchObject([{ netns: on.netns, name: 'eth0', up: true }])
    expect(state.addresses).toEqual([
      { ...on, address: '10.64.0.2/24' },
      { ...on, address: 'fd00::2/64' },
    ])
    expect(state.routes).toEqual([
      { ...on, destination: '0.0.0.0/0', via: '10.64.0.254' },
      { ...on, destination: '::/0', via: 'fd00::ff' },
    ])
  })
})

describe('macvlan', () => {
  it('refuses a second container in passthru mode by name', () => {
    const given = { options: { parent: 'eth1', mode: 'passthru' }, endpoints: [aLocal(1), aLocal(2)] }
    expect(() => expand('macvlan', given)).toThrow(
      /\[conflict\] .*more than one container: eth1: .*c1, c2; stop all but one/,
    )
    expect(expand('macvlan', { ...given, endpoints: [aLocal(1)] }).links).toMatchObject([{ mode: 'passthru' }])
  })

  it('has the sub-interface without any container', () => {
    expect(expand('macvlan', { options: { parent: '@storage.100' } }).links).toMatchObject([
      { kind: 'vlan', name: 'eth1.100', netns: '' },
    ])
  })

  it('is no larger than an admin’s sub-interface', () => {
    const host = aHost()
    const admin = { name: 'eth1.100', mtu: 1400, mac: '02:00:00:00:ee:09', up: true, kind: 'vlan', addresses: [] }
    const state = expand('macvlan', {
      options: { parent: 'eth1.100' },
      endpoints: [aLocal(1)],
      host: { ...host, interfaces: [...host.interfaces, admin] },
    })
    expect(state.links[1]?.mtu).toBe(1400)
  })
})

describe('ipvlan', () => {
  const l3 = { parent: 'eth1.100', ipvlan_mode: 'l3' }

  it('desires no MAC of a child, which has its parent’s', () => {
    for (const phase of ['new', 'in-flight', 'sandbox'] as const) {
      const { links: all } = expand('ipvlan', { options: { parent: 'eth1' }, endpoints: [aLocal(1, phase)] })
      expect(all).toMatchObject([{ kind: 'ipvlan', mode: 'l2', flag: 'bridge', parent: { netns: '', name: 'eth1' } }])
      expect(all[0]?.mac).toBeUndefined()
    }
  })

  it('goes out by the device in l3, as long as the network has a way out', () => {
    const on = { netns: '/var/run/docker/netns/c1', link: 'eth0' }
    const endpoints = [aLocal(1, 'sandbox', { deviceRoutes: ['0.0.0.0/0', '::/0'] })]
    expect(expand('ipvlan', { options: l3, endpoints }).routes).toEqual([
      { ...on, destination: '0.0.0.0/0' },
      { ...on, destination: '::/0' },
    ])
    expect(expand('ipvlan', { options: l3, endpoints: [aLocal(1, 'sandbox')] }).routes).toEqual([])
    const waiting = [aLocal(1, 'in-flight', { deviceRoutes: ['0.0.0.0/0', '::/0'] })]
    expect(expand('ipvlan', { options: l3, endpoints: waiting }).routes).toEqual([])
  })

  it('tells by its mode how containers go out', () => {
    const driver = driverFor('ipvlan')
    const routes = (mode: string) => driver.defaultRoute(parseOptions(driver, { parent: 'eth1', mode }))
    expect(['l2', 'l3', 'l3s'].map(routes)).toEqual(['gateway', 'device', 'device'])
  })
})

describe('bridge', () => {
  it('has no uplink without a parent', () => {
    expect(links(expand('bridge'))).toEqual([`bridge 'weft' 1500`])
  })

  it('bears its VLAN uplink in the fabric, as a learning port', () => {
    expect(expand('bridge', { options: { parent: 'eth1.100' } }).links).toMatchObject([
      { kind: 'bridge' },
      {
        kind: 'vlan',
        netns: 'weft',
        parent: { netns: '', name: 'eth1' },
        vlanId: 100,
        port: { learning: true, flood: true },
      },
    ])
  })

  it('takes a raw interface in by a passthru child, which shares the interface’s MAC', () => {
    expect(expand('bridge', { options: { parent: 'eth1' } }).links[1]).toMatchObject({
      kind: 'macvlan',
      netns: 'weft',
      mode: 'passthru',
      parent: { netns: '', name: 'eth1' },
    })
  })
})
