import type { EndpointView, NetworkView } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { toData } from '../../output/template/index.ts'
import { prepareList, rowFilter } from '../list.ts'
import { planText } from './create.ts'
import { dockerView } from './inspect.ts'
import { NETWORKS } from './list.ts'

const uid = (letter: string) => letter.repeat(20)
const network: NetworkView = {
  uid: uid('a'),
  name: 'mynet',
  driver: 'overlay',
  createdAt: '2026-01-02T03:04:05.000Z',
  options: { attach: 'bridge' },
  labels: { team: 'web', empty: '' },
  internal: false,
  egress: 'docker',
  mtu: 1450,
  vni: 4097,
  subnets: [
    {
      uid: uid('b'),
      cidr: '10.20.0.0/24',
      gateway: '10.20.0.1',
      ipRange: '10.20.0.128/25',
      auxAddresses: { router: '10.20.0.5' },
      usable: '253',
      used: 1,
      reserved: 4,
    },
    { uid: uid('c'), cidr: 'fd20::/64', auxAddresses: {}, usable: '18446744073709551615', used: 1, reserved: 1 },
  ],
  endpoints: 1,
  revision: 231,
  warnings: [],
}
const endpoint: EndpointView = {
  uid: uid('d'),
  network: { uid: network.uid, name: network.name },
  host: 'docker1',
  name: 'web',
  aliases: [],
  mac: '02:00:00:00:00:01',
  addresses: ['10.20.0.2', 'fd20::2'],
  state: 'attached',
  containerId: 'c0ffee',
  createdAt: '2026-01-02T03:04:06.000Z',
}

describe('network ls -f', () => {
  it.each([
    [['name=yne'], true],
    [['name=other'], false],
    [['name=other', 'name=my'], true],
    [['driver=overlay'], true],
    [['driver=over'], false],
    [['id=aaaa'], true],
    [['id=b'], false],
    [['label=team'], true],
    [['label=team=web'], true],
    [['label=team=db'], false],
    [['label=empty='], true],
    [['label=team', 'label=other'], false],
    [['label=toString'], false],
    [['name=my', 'driver=macvlan'], false],
  ])('%j: %s', (texts, expected) => {
    expect(rowFilter(NETWORKS.filters ?? {}, texts)(network)).toBe(expected)
  })
})

describe('network ls --format', () => {
  const other = { ...network, uid: uid('z'), name: 'another', labels: {} }
  it.each([
    ['{{.Name}}', {}, 'another\nmynet\n'],
    ['{{.ID}}', {}, `${'z'.repeat(12)}\n${'a'.repeat(12)}\n`],
    ['{{.ID}}', { trunc: false }, `${uid('z')}\n${uid('a')}\n`],
    ['{{.Name}}\\t{{.Label "team"}}', {}, 'another\t\nmynet\tweb\n'],
    [
      'table {{.Name}}\\t{{.Label "team"}}\\t{{upper .Driver}}',
      {},
      'NAME      TEAM      DRIVER\nanother             OVERLAY\nmynet     web       OVERLAY\n',
    ],
    ['{{.Name}}', { filter: ['label=team'] }, 'mynet\n'],
    [
      'table {{.Name}}\\t{{.CreatedAt}}',
      { filter: ['label=team'] },
      'NAME      CREATED AT\nmynet     2026-01-02T03:04:05.000Z\n',
    ],
    ['table', { quiet: true, filter: ['dangling=false', 'name=my'] }, `${uid('a')}\n`],
  ])('%s %j', (format, flags, expected) => {
    expect(prepareList({ format, ...flags }, NETWORKS)([network, other])).toBe(expected)
  })

  it.each([
    ['{{.Nme}}', {}, "can't evaluate field Nme"],
    ['tabel', {}, 'Go template'],
    ['table', { filter: ['scope=everywhere'] }, 'global, local, swarm'],
  ])('%s %j is refused', (format, flags, why) => {
    expect(() => prepareList({ format, ...flags }, NETWORKS)([network])).toThrow(why)
  })
})

describe('network inspect', () => {
  it('has the fields that users of Docker know', () => {
    expect(toData(dockerView(network, [endpoint]))).toMatchObject({
      Name: 'mynet',
      Id: network.uid,
      Created: network.createdAt,
      Scope: 'global',
      Driver: 'overlay',
      EnableIPv6: true,
      IPAM: {
        Config: [
          {
            Subnet: '10.20.0.0/24',
            Gateway: '10.20.0.1',
            IPRange: '10.20.0.128/25',
            AuxiliaryAddresses: { router: '10.20.0.5' },
          },
          { Subnet: 'fd20::/64' },
        ],
      },
      Internal: false,
      Containers: {
        c0ffee: { Name: 'web', IPv4Address: '10.20.0.2/24', IPv6Address: 'fd20::2/64', Host: 'docker1' },
      },
      Options: { attach: 'bridge' },
      Labels: { team: 'web' },
      Weft: { Vni: 4097, Mtu: 1450, Egress: 'docker', Guard: 'port', Revision: 231 },
    })
  })

  it('shows addresses by the subnet that they lie in, and what is no container’s apart', () => {
    const more = { uid: uid('e'), cidr: '10.30.0.0/16', auxAddresses: {}, usable: '1', used: 1, reserved: 1 }
    const shim = { ...endpoint, uid: uid('f'), name: undefined, containerId: undefined, role: 'shim' as const }
    const shown = dockerView({ ...network, subnets: [...network.subnets, more] }, [
      { ...endpoint, addresses: ['10.30.0.2'] },
      shim,
    ])
    expect(toData(shown)).toMatchObject({
      Containers: { c0ffee: { IPv4Address: '10.30.0.2/16', IPv6Address: '' } },
      Weft: { Interfaces: [{ Role: 'shim', Host: 'docker1', Addresses: ['10.20.0.2', 'fd20::2'] }] },
    })
    expect(Object.keys((toData(shown) as { Containers: object }).Containers)).toEqual(['c0ffee'])
  })

  it('says no IPv6 where there is none', () => {
    const subnets = network.subnets.slice(0, 1)
    expect(toData(dockerView({ ...network, subnets }, []))).toMatchObject({ EnableIPv6: false, Containers: {} })
  })
})

describe('network create --dry-run', () => {
  it('says what would be made, and where', () => {
    expect(planText(network)).toBe(`would create overlay network mynet (VNI 4097, MTU 1450, egress docker)
  subnet 10.20.0.0/24: gateway 10.20.0.1, range 10.20.0.128/25, 253 addresses
  subnet fd20::/64: no gateway, 18446744073709551615 addresses`)
  })
})
