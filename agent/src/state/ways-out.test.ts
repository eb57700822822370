import { describe, expect, it } from 'vitest'
import { entriesOf, networkEntry, record, SUB4, SUB6, uidOf } from '../../../test/support/builders.ts'
import type { LocalRecord } from './records.ts'
import { dockersWays, hasOtherWayOut, isUnseenByDocker, waysOut } from './ways-out.ts'

const BOX = '/run/docker/netns/1'
const out = (letter: string, name: string, more: object = {}) =>
  networkEntry({ uid: uidOf(letter), name, driver: 'macvlan', options: { parent: 'eth0' }, egress: 'gateway', ...more })
const subnet = (net: number, gateway?: string) => ({ uid: SUB4, cidr: `10.${net}.0.0/24`, gateway, auxAddresses: {} })
const NETWORKS = entriesOf(
  out('a', 'alpha'),
  out('b', 'beta', {
    subnets: [subnet(2, '10.2.0.1'), { uid: SUB6, cidr: 'fd02::/64', gateway: 'fd02::1', auxAddresses: {} }],
  }),
  out('c', 'gamma', { subnets: [subnet(3, '10.3.0.1')] }),
  out('d', 'delta', { driver: 'ipvlan', options: { parent: 'eth0', ipvlan_mode: 'l3' }, subnets: [subnet(4)] }),
  out('n', 'nowhere', { internal: true }),
  out('x', 'outer', { driver: 'overlay', egress: 'docker' }),
)
const at = (letter: string, net: number, more: Partial<LocalRecord> = {}) =>
  record({ uid: uidOf(letter), network: uidOf(letter), sandbox: BOX, addresses: [`10.${net}.0.5/24`], ...more })
/** Told to Docker, which chose it. */
const ALPHA = at('a', 1, { wayOut: true })
const BETA = at('b', 2, { addresses: ['10.2.0.5/24', 'fd02::5/64'], ownGateway: true })
const GAMMA = at('c', 3, { ownGateway: true })
const ways = (...records: LocalRecord[]) =>
  Object.fromEntries(waysOut(new Map(records.map((each) => [each.uid, each])), NETWORKS))
const by = (...gateways: string[]) => ({ gateways, devices: [] })

describe('ways out of a sandbox', () => {
  it('by IPv6 alone are not seen by Docker; with IPv4 beside, by device or without a gateway there is nothing to see', () => {
    expect(isUnseenByDocker({ ...BETA, addresses: ['fd02::5/64'] }, NETWORKS)).toBe(true)
    for (const seen of [BETA, ALPHA, at('d', 4), at('n', 5)]) expect(isUnseenByDocker(seen, NETWORKS)).toBe(false)
  })

  it('is the first network by name, each family its own', () => {
    expect(ways(GAMMA, BETA, ALPHA)).toEqual({ [ALPHA.uid]: by('10.1.0.1'), [BETA.uid]: by('fd02::1') })
  })

  it('is the one of the highest priority, whatever its name', () => {
    expect(ways(ALPHA, BETA, { ...GAMMA, gwPriority: 10 })).toEqual({
      [GAMMA.uid]: by('10.3.0.1'),
      [BETA.uid]: by('fd02::1'),
    })
  })

  it('is never one of a priority below 0, nor one of a network without a way out', () => {
    expect(ways({ ...GAMMA, gwPriority: -1 }, at('n', 1))).toEqual({})
  })

  it('goes by device where the network has no next hop', () => {
    const delta = at('d', 4)
    expect(ways(delta, { ...GAMMA, gwPriority: -1 })).toEqual({ [delta.uid]: { gateways: [], devices: ['0.0.0.0/0'] } })
  })

  it('waits while Docker may be about to make its route', () => {
    const high = { ...GAMMA, gwPriority: 10 }
    expect(ways({ ...ALPHA, wayOut: false }, high)).toEqual({})
    expect(ways({ ...ALPHA, phase: 'in-flight' }, high)).toEqual({})
    expect(ways({ ...ALPHA, phase: 'in-flight' })).toEqual({ [ALPHA.uid]: by('10.1.0.1') })
  })

  it('changes with the network’s, but not before Docker has made its own', () => {
    const before = at('a', 1, { ownGateway: true, joinedEgress: 'docker' })
    expect(ways(before)).toEqual({ [before.uid]: by('10.1.0.1') })
    expect(ways({ ...before, settled: false })).toEqual({})
    const kept = at('x', 1, { joinedEgress: 'weft', ownGateway: true })
    expect(ways(kept)).toEqual({ [kept.uid]: by('10.1.0.1') })
    expect(ways({ ...kept, joinedEgress: 'docker' }, { ...kept, joinedEgress: 'none' })).toEqual({})
  })

  it('knows nothing of other sandboxes', () => {
    const other = { ...GAMMA, gwPriority: 10, sandbox: '/run/docker/netns/2' }
    expect(ways(ALPHA, other)).toEqual({ [ALPHA.uid]: by('10.1.0.1'), [GAMMA.uid]: by('10.3.0.1') })
  })
})

describe('what Docker is told of', () => {
  const among = (...records: LocalRecord[]) => new Map(records.map((each) => [each.uid, each]))

  it('is a way out only when the sandbox has no other', () => {
    expect(hasOtherWayOut(among(ALPHA, GAMMA), NETWORKS, GAMMA.uid, BOX)).toBe(true)
    expect(hasOtherWayOut(among(ALPHA), NETWORKS, ALPHA.uid, BOX)).toBe(false)
    expect(hasOtherWayOut(among(at('n', 1), GAMMA), NETWORKS, GAMMA.uid, BOX)).toBe(false)
    expect(hasOtherWayOut(among(ALPHA, GAMMA), NETWORKS, GAMMA.uid, '/run/docker/netns/2')).toBe(false)
  })

  it('becomes its route when it chose it', () => {
    expect(dockersWays(ALPHA, NETWORKS).gateways).toEqual(['10.1.0.1'])
    expect(dockersWays({ ...ALPHA, wayOut: false }, NETWORKS).gateways).toEqual([])
    expect(dockersWays(GAMMA, NETWORKS).gateways).toEqual([])
    expect(dockersWays(at('d', 4), NETWORKS).devices).toEqual(['0.0.0.0/0'])
  })
})
