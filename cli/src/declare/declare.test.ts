import type { NetworkView, WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { parseFile, writeFile } from './document.ts'
import { networkDifference } from './network-difference.ts'
import { NetworkFile } from './network-file.ts'
import { described } from './networks.ts'
import { KINDS } from './registry.ts'

function failure(text: string): WeftError['parts'] {
  try {
    parseFile(text, 'weft.yaml')
  } catch (error) {
    return (error as WeftError).parts
  }
  throw new Error('it was taken')
}

describe('a file', () => {
  it('is read in Compose’s words, and what is not said is as nothing', () => {
    const file = parseFile(
      `uplinks:
  lan: {docker1: eth1}
networks:
  plain:
  front:
    driver_opts: {mtu: 1400, flood: true}
    labels: {team: web, empty: ""}
    ipam:
      config:
        - subnet: 10.20.0.0/24
          aux_addresses: {router: 10.20.0.5}
`,
      'weft.yaml',
    )
    expect(file.uplinks).toEqual({ lan: { docker1: 'eth1' } })
    expect(Object.keys(file)).toEqual(['uplinks', 'networks'])
    expect(file.networks).toMatchObject({
      plain: { driver: 'overlay', driver_opts: {}, ipam: { config: [] } },
      front: { driver_opts: { mtu: '1400', flood: 'true' }, labels: { team: 'web', empty: '' } },
    })
  })

  it.each([
    ['networks:\n  front:\n    drivr: overlay\n', 'weft.yaml:3:5', 'networks.front.drivr', 'did you mean driver?'],
    ['netwrks: {}\n', 'weft.yaml:1:1', 'netwrks', 'did you mean networks?'],
    [
      'networks:\n  front:\n    ipam:\n      config:\n        - subnet: 10.20.0.1/24\n',
      'weft.yaml:5:11',
      'networks.front.ipam.config.0.subnet',
      '10.20.0.0/24',
    ],
    ['networks:\n  front:\n    driver: overly\n', 'weft.yaml:3:5', 'networks.front.driver', 'overlay'],
    ['networks:\n  front:\n\n    driver_opts: {mtu: large}\n', 'weft.yaml:4:5', 'driver_opts', 'mtu'],
    ['networks:\n  Front: {}\n', 'weft.yaml:2:3', 'Front', 'a-z'],
    ['networks: []\n', 'weft.yaml:1:1', 'networks', 'object'],
    ['networks:\n  a: {}\n  a: {}\n', 'weft.yaml:3:3', '', 'unique'],
    ['networks: {a: [}\n', 'weft.yaml:1:', '', ''],
    ['uplinks: {lan: {docker1: "no/slash"}}\n', 'weft.yaml:1:17', 'uplinks.lan.docker1', ''],
    ['- a\n', 'weft.yaml:1:1', 'the whole', 'object'],
  ])('%j is refused with its line', (text, place, path, words) => {
    const { what, on = '', why = '', remedy = '' } = failure(text)
    expect(`${what} ${on}`).toContain(place)
    expect(`${what} ${on}`).toContain(path)
    expect(`${on} ${why} ${remedy}`).toContain(words)
    expect(remedy).not.toBe('')
  })

  it('tells everything that is wrong at once', () => {
    const { why } = failure('networks:\n  a: {drivr: x}\n  b: {internal: maybe}\n')
    expect(why?.split('\n')).toHaveLength(2)
    expect(why).toContain('weft.yaml:3:7: networks.b.internal "maybe": it must be true or false')
  })

  it('has no aliases without end', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((key, at) => `${key}: &${key} [${`*${'abcdefg'[at]},`.repeat(9)}]`),
    ]
    expect(failure(`${bomb.join('\n')}\n`).what).toBe('not YAML')
  })
})

const NETWORK: NetworkView = {
  uid: 'a'.repeat(20),
  name: 'front',
  driver: 'overlay',
  createdAt: '2026-01-02T03:04:05.000Z',
  options: { mtu: '1400' },
  labels: { team: 'web' },
  internal: false,
  egress: 'docker',
  mtu: 1400,
  vni: 4097,
  subnets: [
    {
      uid: 'b'.repeat(20),
      cidr: '10.20.0.0/24',
      gateway: '10.20.0.1',
      auxAddresses: { router: '10.20.0.5' },
      usable: '252',
      used: 1,
      reserved: 4,
    },
  ],
  endpoints: 1,
  revision: 231,
  warnings: [],
}
const differenceOf = (file: object) => networkDifference(NetworkFile.parse(file), NETWORK)
const SAME = {
  driver_opts: { 'com.docker.network.driver.mtu': 1400 },
  labels: { team: 'web' },
  ipam: { config: [{ subnet: '10.20.0.0/24', aux_addresses: { router: '10.20.0.5' } }] },
}

describe('a network beside its file', () => {
  it('is the same where only what Weft chooses is left out', () => {
    expect(differenceOf(SAME)).toMatchObject({ differs: false, fixed: [] })
    expect(differenceOf({ ...SAME, ipam: {} })).toMatchObject({ differs: false, fixed: [] })
    expect(differenceOf({ ...SAME, driver: 'vxlan' })).toMatchObject({ differs: false, fixed: [] })
  })

  it('is the same as what export says of it', () => {
    expect(differenceOf(described(NETWORK))).toMatchObject({ differs: false, fixed: [] })
  })

  it('asks for what can be changed', () => {
    const config = [
      { subnet: '10.20.0.0/24', ip_range: '10.20.0.128/25', aux_addresses: { nas: '10.20.0.6' } },
      { subnet: '10.21.0.0/24', gateway: '10.21.0.9' },
    ]
    const { wish, fixed } = differenceOf({ driver_opts: { flood: true }, labels: { tier: 2 }, ipam: { config } })
    expect(fixed).toEqual([])
    expect(wish).toEqual({
      labels: { tier: '2' },
      labelsRemove: ['team'],
      options: { flood: 'true' },
      optionsRemove: ['mtu'],
      ipRanges: ['10.20.0.128/25'],
      auxAddresses: { nas: '10.20.0.6' },
      auxRemove: ['router'],
      subnets: [{ subnet: '10.21.0.0/24', gateway: '10.21.0.9' }],
    })
  })

  it.each([
    [{ ...SAME, driver: 'bridge', driver_opts: {} }, 'driver: overlay -> bridge'],
    [{ ...SAME, driver_opts: { mtu: 1400, vni: 77 } }, 'driver_opts.vni: (none) -> 77'],
    [{ ...SAME, internal: true }, 'internal: false -> true'],
    [{ ...SAME, enable_ipv6: true }, 'enable_ipv6: false -> true'],
    [{ ...SAME, ipam: { config: [{ subnet: '10.22.0.0/24' }] } }, 'subnet: 10.20.0.0/24 -> (none)'],
    [
      { ...SAME, ipam: { config: [{ subnet: '10.20.0.0/24', gateway: '10.20.0.9' }] } },
      'gateway of 10.20.0.0/24: 10.20.0.1 -> 10.20.0.9',
    ],
  ])('says what needs another network: %j', (file, what) => {
    const { fixed } = differenceOf(file)
    expect(fixed.map((each) => each.what)).toEqual([what])
    expect(fixed[0]?.why).toBeTruthy()
  })
})

describe('export', () => {
  it('is a file that says the same', () => {
    const sections = { networks: { front: described(NETWORK) }, uplinks: { lan: { docker1: 'eth1' } } }
    const text = writeFile(new Map(KINDS.map(({ key }) => [key, sections[key as 'networks']])), 'of a test')
    expect(text).toMatch(/^# of a test\nuplinks:\n/)
    const file = parseFile(text, 'weft.yaml')
    expect(networkDifference((file.networks as { front: NetworkFile }).front, NETWORK)).toMatchObject({
      differs: false,
      fixed: [],
    })
    expect(writeFile(new Map([['networks', undefined]]), 'nothing')).toBe('# nothing\n')
    expect(parseFile('# nothing\n', 'weft.yaml')).toEqual({})
  })
})
