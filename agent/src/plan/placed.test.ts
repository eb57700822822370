import { type Entry, interfaceName, type LocalEndpoint, routerNetns } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { endpointEntry, entriesOf, networkEntry, uidOf } from '../../../test/support/builders.ts'
import { routerNamespaces, withPlaced } from './placed.ts'

const [A, B, R] = [uidOf('a'), uidOf('b'), uidOf('r')]
const subnet = (uid: string, cidr: string) => ({ uid, cidr, auxAddresses: {} })
const netA = networkEntry({
  uid: A,
  name: 'a',
  subnets: [subnet(uidOf('4'), '10.1.0.0/24'), subnet(uidOf('6'), 'fd01::/64')],
})
const netB = networkEntry({
  uid: B,
  name: 'b',
  subnets: [subnet(uidOf('5'), '10.2.0.0/24'), subnet(uidOf('7'), 'fd02::/64')],
})
const legs = (host: string) => [
  endpointEntry({ uid: uidOf('1'), network: A, host, role: 'router', router: R, addresses: ['10.1.0.1', 'fd01::1'] }),
  endpointEntry({ uid: uidOf('2'), network: B, host, role: 'router', router: R, addresses: ['10.2.0.1'] }),
]
const router = (host: string): Entry => ({
  kind: 'router',
  uid: R,
  name: 'r',
  host,
  generation: 1,
  networks: [A, B],
})

function container(letter: string, address: string, sandbox: string): LocalEndpoint {
  const link = { netns: sandbox, name: 'eth0' }
  const attachment = { phase: 'sandbox', link } as const
  return { uid: uidOf(letter), mac: '02:00:00:00:00:07', addresses: [address], gateways: [], attachment }
}

describe('placed', () => {
  it('makes legs and their namespace on the host that the router’s record names, and nowhere else', () => {
    const entries = entriesOf(netA, netB, router('docker1'), ...legs('docker1'))
    expect(routerNamespaces(entries, 'docker1', () => true)).toEqual([{ netns: routerNetns(R), forwarding: true }])
    const placed = withPlaced(entries, new Map(), 'docker1', () => true)
    expect(placed.get(A)).toMatchObject([
      {
        addresses: ['10.1.0.1/24', 'fd01::1/64'],
        attachment: { phase: 'placed', link: { netns: routerNetns(R), name: interfaceName('leg', uidOf('1')) } },
      },
    ])
    expect(routerNamespaces(entries, 'docker2', () => true)).toEqual([])
    expect(withPlaced(entries, new Map(), 'docker2', () => true).size).toBe(0)
    // A leg that still names this host is none when the router is another's.
    expect(routerNamespaces(entries, 'docker1', () => false)).toEqual([])
    expect(withPlaced(entries, new Map(), 'docker1', () => false).size).toBe(0)
    const moved = entriesOf(netA, netB, router('docker2'), ...legs('docker1'))
    expect(withPlaced(moved, new Map(), 'docker1', () => true).size).toBe(0)
  })

  it('gives containers a route to each network beyond, of the families that router and container have', () => {
    const entries = entriesOf(netA, netB, router('docker1'), ...legs('docker1'))
    const v6 = { ...container('e', '10.1.0.5/24', '/s/1'), addresses: ['10.1.0.5/24', 'fd01::5/64'] }
    const local = new Map([
      [A, [v6]],
      [B, [container('f', '10.2.0.5/24', '/s/2')]],
    ])
    const placed = withPlaced(entries, local, 'docker2', () => true)
    expect(placed.get(A)?.[0]?.routes).toEqual([
      { destination: '10.2.0.0/24', via: '10.1.0.1' },
      { destination: 'fd02::/64', via: 'fd01::1' },
    ])
    expect(placed.get(B)?.[0]?.routes).toEqual([{ destination: '10.1.0.0/24', via: '10.2.0.1' }])
  })

  it('adds them to those that a container has, to a subnet that its network was given later', () => {
    const entries = entriesOf(netA, netB, router('docker1'), ...legs('docker1'))
    const own = { destination: '10.3.0.0/24' }
    const local = new Map([[A, [{ ...container('e', '10.1.0.5/24', '/s/1'), routes: [own] }]]])
    const placed = withPlaced(entries, local, 'docker2', () => true)
    expect(placed.get(A)?.[0]?.routes).toEqual([own, { destination: '10.2.0.0/24', via: '10.1.0.1' }])
  })

  it('leaves a network alone that the container is on itself', () => {
    const entries = entriesOf(netA, netB, router('docker1'), ...legs('docker1'))
    const both = new Map([
      [A, [container('e', '10.1.0.5/24', '/s/1')]],
      [B, [container('f', '10.2.0.5/24', '/s/1')]],
    ])
    const placed = withPlaced(entries, both, 'docker2', () => true)
    expect(placed.get(A)?.[0]?.routes).toEqual([])
    expect(placed.get(B)?.[0]?.routes).toEqual([])
  })

  it('gives a shim one address and a route for each container, its own from the records, others from the intent', () => {
    const entries = entriesOf(
      netA,
      endpointEntry({ uid: uidOf('s'), network: A, host: 'docker1', role: 'shim', addresses: ['10.1.0.9', 'fd01::9'] }),
      endpointEntry({ uid: uidOf('t'), network: A, host: 'docker2', role: 'shim', addresses: ['10.1.0.8', 'fd01::8'] }),
      endpointEntry({ uid: uidOf('g'), network: A, host: 'docker2', addresses: ['10.1.0.6', 'fd01::6'] }),
      endpointEntry({ uid: uidOf('h'), network: A, host: 'docker1', addresses: ['10.1.0.77'] }),
    )
    const placed = withPlaced(entries, new Map([[A, [container('e', '10.1.0.5/24', '/s/1')]]]), 'docker1', () => true)
    expect(placed.get(A)?.[1]).toMatchObject({
      addresses: ['10.1.0.9/32', 'fd01::9/128'],
      routes: [{ destination: '10.1.0.5/32' }, { destination: '10.1.0.6/32' }, { destination: 'fd01::6/128' }],
      attachment: { link: { netns: '', name: interfaceName('shim', uidOf('s')) }, role: 'shim' },
    })
  })
})
