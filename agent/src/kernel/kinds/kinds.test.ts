import type { Link } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import type { MadeKind } from './kind.ts'
import { codecOf } from './registry.ts'

type LinkOfKind<K extends Link['kind']> = Extract<Link, { kind: K }>
const WIRE = { lowerIndex: 7, peerNetnsFd: 11 }
const parent = { netns: '', name: 'eth0' }
const READ = { lower: parent, nameOf: (index: number) => (index === 7 ? 'eth0' : undefined) }

function encode(link: Exclude<Link, { kind: 'other' }>): string {
  return (
    codecOf(link.kind as MadeKind)
      .encode(link, WIRE)
      ?.toString('hex') ?? ''
  )
}

function decode(kind: MadeKind, hex: string): unknown {
  return codecOf(kind).decode(Buffer.from(hex, 'hex'), READ)
}

const vlan: LinkOfKind<'vlan'> = {
  kind: 'vlan',
  netns: '',
  name: 'eth0.10',
  parent,
  vlanId: 10,
  protocol: '802.1Q',
}
const vxlan: LinkOfKind<'vxlan'> = {
  kind: 'vxlan',
  netns: 'weft',
  name: 'wfx1',
  vni: 4097,
  underlay: 'eth0',
  local: '10.0.0.1',
  udpPort: 4789,
  learning: false,
  proxy: true,
}

describe('vlan', () => {
  // IFLA_VLAN_ID (1) is a __u16 in host order, IFLA_VLAN_PROTOCOL (5) a __be16 (linux/if_link.h, 8021q/vlan_netlink.c).
  it('has the bytes of linux/if_link.h', () => {
    expect(encode(vlan)).toBe(['06000100', '0a00', '0000', '06000500', '8100'].join(''))
    expect(encode({ ...vlan, vlanId: 4094, protocol: '802.1ad' })).toBe('06000100fe0f00000600050088a8')
  })

  it('is read from the bytes that the kernel sends, flags (2) among them', () => {
    const flags = '0c0002000100000001000000'
    expect(decode('vlan', `060001000a000000${flags}0600050088a8`)).toEqual({ parent, vlanId: 10, protocol: '802.1ad' })
    expect(decode('vlan', '060001000a000000060005008100')).toEqual({ parent, vlanId: 10, protocol: '802.1Q' })
  })

  it.each([0, 4095, -1])('refuses id %d', (vlanId) => {
    expect(() => encode({ ...vlan, vlanId })).toThrow(/VLAN id out of range/)
  })

  it('is made in the netns of its parent, which stands in the header', () => {
    expect(codecOf('vlan')).toMatchObject({ lowerInHeader: true })
    expect(codecOf('vlan').requestNetns(vlan)).toBe('')
  })
})

describe('vxlan', () => {
  it('writes VNI, underlay, local address, port in network order, and its flags', () => {
    expect(encode(vxlan)).toBe(
      [
        '0800010001100000', // IFLA_VXLAN_ID
        '0800030007000000', // IFLA_VXLAN_LINK
        '080004000a000001', // IFLA_VXLAN_LOCAL
        '06000f0012b50000', // IFLA_VXLAN_PORT, __be16
        '0500070000000000', // IFLA_VXLAN_LEARNING
        '05000b0001', // IFLA_VXLAN_PROXY
      ].join(''),
    )
  })

  it('reads what it writes, IPv4 and IPv6', () => {
    for (const local of ['10.0.0.1', 'fd00::1']) {
      const { vni, underlay, udpPort, learning, proxy } = vxlan
      expect(decode('vxlan', encode({ ...vxlan, local }))).toEqual({ vni, underlay, local, udpPort, learning, proxy })
    }
  })

  it('refuses a VNI of more than 24 bits', () => {
    expect(() => encode({ ...vxlan, vni: 0x1000000 })).toThrow(/VNI out of range/)
  })
})

describe('macvlan', () => {
  it('defect 9: the mode is a number', () => {
    const modes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const
    for (const [mode, number] of Object.entries(modes) as [keyof typeof modes, number][]) {
      const hex = `080001000${number}000000`
      expect(encode({ kind: 'macvlan', netns: '', name: 'wfc1', parent, mode })).toBe(hex)
      expect(decode('macvlan', hex)).toEqual({ parent, mode })
    }
  })

  it('is not told apart when its parent lies in a netns that nobody knows', () => {
    const read = { lower: undefined, nameOf: () => undefined }
    expect(codecOf('macvlan').decode(Buffer.from('0800010004000000', 'hex'), read)).toBeUndefined()
  })
})

describe('ipvlan', () => {
  // IFLA_IPVLAN_MODE (1) and IFLA_IPVLAN_FLAGS (2) are __u16 in host order (linux/if_link.h, enum ipvlan_mode).
  const link = (mode: 'l2' | 'l3' | 'l3s', flag: 'bridge' | 'private' | 'vepa') =>
    ({ kind: 'ipvlan', netns: '/run/netns/c1', name: 'eth0', parent, mode, flag }) as const

  it.each([
    ['l2', 'bridge', '0000', '0000'],
    ['l3', 'private', '0100', '0100'],
    ['l3s', 'vepa', '0200', '0200'],
    ['l2', 'vepa', '0000', '0200'],
  ] as const)('%s %s has the bytes of linux/if_link.h', (mode, flag, modeHex, flagHex) => {
    const hex = ['06000100', modeHex, '0000', '06000200', flagHex].join('')
    expect(encode(link(mode, flag)).slice(0, hex.length)).toBe(hex)
    expect(decode('ipvlan', encode(link(mode, flag)))).toEqual({ parent, mode, flag })
  })

  it('is read as bridge from kernels without flags, and not told apart by bits of a later one', () => {
    expect(decode('ipvlan', '0600010001000000')).toEqual({ parent, mode: 'l3', flag: 'bridge' })
    expect(decode('ipvlan', '06000100010000000600020004000000')).toBeUndefined()
    expect(decode('ipvlan', '06000100030000000600020000000000')).toBeUndefined()
  })

  it('is asked for in the netns of its parent, which stands in the header', () => {
    expect(codecOf('ipvlan')).toMatchObject({ lowerInHeader: true })
    expect(codecOf('ipvlan').requestNetns(link('l2', 'bridge'))).toBe('')
  })
})

describe('bridge', () => {
  it('turns spanning tree and forwarding delay off, and snooping when told', () => {
    const base = '08000100000000000800050000000000'
    expect(encode({ kind: 'bridge', netns: 'weft', name: 'wfb1' })).toBe(base)
    expect(encode({ kind: 'bridge', netns: 'weft', name: 'wfb1', multicastSnooping: false })).toBe(`${base}0500170000`)
    expect(decode('bridge', '0500170001')).toEqual({ multicastSnooping: true })
  })
})

describe('veth', () => {
  const veth: LinkOfKind<'veth'> = {
    kind: 'veth',
    netns: 'weft',
    name: 'wfp1',
    mtu: 1450,
    peer: { netns: '', name: 'wfc1' },
    peerMac: '02:00:00:00:01:03',
  }

  it('carries the whole other end: name, group, netns, queues, MTU, MAC', () => {
    const bytes = encode(veth)
    expect(bytes.slice(0, 8)).toBe('52000100') // VETH_INFO_PEER
    for (const attribute of [
      '09000300776663310000', // IFLA_IFNAME
      '08001b00ef570000', // IFLA_GROUP
      '08001c000b000000', // IFLA_NET_NS_FD
      '08001f0001000000', // IFLA_NUM_TX_QUEUES
      '0800200001000000', // IFLA_NUM_RX_QUEUES
      '08000400aa050000', // IFLA_MTU
      '0a000100020000000103', // IFLA_ADDRESS
    ]) {
      expect(bytes).toContain(attribute)
    }
  })

  it('refuses to be half of a pair', () => {
    const { peer: _, ...half } = veth
    expect(() => encode(half)).toThrow(/veth without a peer/)
  })
})
