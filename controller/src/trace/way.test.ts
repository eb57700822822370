import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../domain/index.ts'
import { obstacles } from './obstacles.ts'
import { endpointsAt, waysTo } from './way.ts'

interface Net {
  readonly name: string
  readonly driver?: string
  readonly options?: Record<string, string>
  readonly internal?: boolean
  readonly egress?: string
}
const NETS: readonly Net[] = [
  { name: 'front' },
  { name: 'back', internal: true },
  { name: 'parted', options: { icc: 'false' } },
  { name: 'lan', driver: 'macvlan', options: { parent: 'eth0', macvlan_mode: 'private' } },
  { name: 'own', driver: 'bridge' },
  { name: 'closed', egress: 'none' },
  { name: 'gated', egress: 'weft' },
]

const stored = <T>(value: T) => ({ value, modRevision: 1 })
function endpoint(name: string, network: string, host: string, ...ips: string[]) {
  const uid = `${name}-${network}`
  const addresses = ips.map((ip) => ({ subnet: network, ip }))
  return [
    uid,
    stored({ uid, name, network, host, addresses, state: 'attached', containerId: `${name}0123456789` }),
  ] as const
}
type Held = ReturnType<typeof endpoint>

function viewOf(...endpoints: Held[]): ClusterView {
  const networks = NETS.map(
    ({ name, driver = 'overlay', options = {}, internal = false, egress = 'docker' }) =>
      [name, stored({ uid: name, name, driver, options, internal, egress })] as const,
  )
  const subnets = NETS.map(
    ({ name }, index) =>
      [name, stored({ uid: name, network: name, cidr: `10.${index}.0.0/24`, gateway: `10.${index}.0.1` })] as const,
  )
  const hosts = ['docker1', 'docker2'].map((host) => [host, stored({ id: host, epoch: 1 })] as const)
  return {
    networks: new Map(networks),
    subnets: new Map(subnets),
    endpoints: new Map(endpoints),
    hosts: new Map(hosts),
    alive: new Map([['docker1', stored({ epoch: 1 })]]),
    routers: new Map(),
    placements: new Map(),
    placed: new Set(),
  } as unknown as ClusterView
}

const WEB = { container: 'web', host: 'docker1' }
const DB = { container: 'db', host: 'docker2' }

describe('the way to a container', () => {
  it('is by every network that both are on, and by each family that both have there', () => {
    const view = viewOf(
      endpoint('web', 'front', 'docker1', '10.0.0.2', 'fd00::2'),
      endpoint('db', 'front', 'docker2', '10.0.0.3', 'fd00::3'),
      endpoint('web', 'back', 'docker1', '10.1.0.2'),
      endpoint('db', 'back', 'docker2', '10.1.0.3', 'fd01::3'),
      endpoint('db', 'lan', 'docker2', '10.3.0.3'),
    )
    const { ways, findings } = waysTo(view, WEB, DB)
    expect(ways.map(({ network, address }) => `${network.name} ${address}`)).toEqual([
      'back 10.1.0.3',
      'front 10.0.0.3',
      'front fd00::3',
    ])
    expect(findings).toEqual([])
  })

  it('there is none without a network in common, and it says what joins them', () => {
    const view = viewOf(endpoint('web', 'front', 'docker1', '10.0.0.2'), endpoint('db', 'back', 'docker2', '10.1.0.3'))
    const { ways, findings } = waysTo(view, WEB, DB)
    expect(ways).toEqual([])
    expect(findings[0]?.measured).toBe('web on docker1 is on front, db on docker2 on back, and no router joins them')
    expect(findings[0]?.remedy).toContain('weft network connect back docker1/web')
  })

  it('nor for families apart, nor for a container on no network', () => {
    const view = viewOf(endpoint('web', 'front', 'docker1', '10.0.0.2'), endpoint('db', 'front', 'docker2', 'fd00::3'))
    expect(waysTo(view, WEB, DB).findings[0]?.measured).toMatch(/no addresses of one family/)
    const { findings } = waysTo(view, WEB, { container: 'lone', host: 'docker2' })
    expect(findings).toMatchObject([
      {
        measured: 'lone on docker2 is on no network of the cluster',
        remedy: 'weft network connect front docker2/lone',
      },
    ])
  })

  it('is found by the beginning of a container’s id, too', () => {
    const view = viewOf(endpoint('web', 'front', 'docker1', '10.0.0.2'))
    expect(endpointsAt(view, { ...WEB, container: 'web0123' }).map(({ uid }) => uid)).toEqual(['web-front'])
    expect(endpointsAt(view, { ...WEB, host: 'docker2' })).toEqual([])
  })
})

describe('the way to an address', () => {
  const view = viewOf(
    endpoint('web', 'front', 'docker1', '10.0.0.2'),
    endpoint('db', 'front', 'docker2', '10.0.0.3'),
    endpoint('shut', 'closed', 'docker1', '10.5.0.2'),
    endpoint('inner', 'back', 'docker1', '10.1.0.2'),
    endpoint('gate', 'gated', 'docker1', '10.6.0.2'),
  )
  const to = (container: string, address: string) => waysTo(view, { container, host: 'docker1' }, address)

  it('is to who has it, or out', () => {
    expect(to('web', '10.0.0.3').ways).toMatchObject([{ to: { name: 'db' }, address: '10.0.0.3' }])
    expect(to('web', '192.0.2.1').ways).toMatchObject([{ address: '192.0.2.1' }])
    expect(to('gate', '10.6.0.1').ways).toMatchObject([{ address: '10.6.0.1' }])
  })

  it.each<[string, string, RegExp]>([
    ['web', '10.0.0.99', /no container has 10\.0\.0\.99 in network front/],
    ['web', '10.0.0.1', /10\.0\.0\.1 is the gateway address of network front, and nobody has it/],
    ['web', '10.6.0.1', /10\.6\.0\.1 is the gateway of network gated, which web on docker1 is not on/],
    ['gate', '10.0.0.3', /gate on docker1 is on gated, 10\.0\.0\.3 on front, and no router joins them/],
    ['shut', '192.0.2.1', /no way out: closed \(egress=none\)/],
    ['inner', '192.0.2.1', /no way out: back \(internal\)/],
    ['web', '2001:db8::1', /2001:db8::1 is in no network of the cluster, .*: front \(no IPv6\)/],
  ])('from %s there is none to %s', (container, address, words) => {
    const { ways, findings } = to(container, address)
    expect(ways).toEqual([])
    expect(findings[0]?.measured).toMatch(words)
    expect(findings[0]?.remedy).toEqual(expect.any(String))
  })
})

describe('what stands in a way', () => {
  const between = (network: string, hosts: readonly [string, string], state = 'attached') => {
    const [webUid, web] = endpoint('web', network, hosts[0], '10.0.0.2')
    const [dbUid, db] = endpoint('db', network, hosts[1], '10.0.0.3')
    const view = viewOf([webUid, web], [dbUid, { ...db, value: { ...db.value, state } }])
    const [way] = waysTo(view, { container: 'web', host: hosts[0] }, { container: 'db', host: hosts[1] }).ways
    if (way === undefined) throw new Error('no way')
    return obstacles(view, way)
  }
  const SAME = ['docker1', 'docker1'] as const

  it.each<[string, readonly [string, string], string, string[]]>([
    ['front', SAME, 'attached', []],
    ['front', SAME, 'detached', ['error container']],
    ['front', SAME, 'pending', ['error container']],
    ['front', ['docker1', 'docker2'], 'attached', ['warn agent']],
    ['parted', SAME, 'attached', ['error policy']],
    ['lan', SAME, 'attached', ['error policy']],
    ['lan', ['docker1', 'docker2'], 'attached', ['warn agent']],
    ['own', SAME, 'attached', []],
    ['own', ['docker1', 'docker2'], 'attached', ['warn agent', 'error network']],
  ])('in %s from %s, %s', (network, hosts, state, expected) => {
    expect(between(network, hosts, state).map(({ check, severity }) => `${severity} ${check}`)).toEqual(expected)
  })

  it('offers to lift what parts containers where the driver can, and only there', () => {
    expect(between('parted', SAME)[0]?.remedy).toContain('weft network update -o icc=true parted')
    expect(between('lan', SAME)[0]?.remedy).toBe('put the two on another network, too')
  })
})
