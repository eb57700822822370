import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DriverHost } from './driver.ts'
import { parseParent, resolveParent } from './parent.ts'

const fact = (name: string, mtu = 1500) => ({
  name,
  mtu,
  mac: '02:00:00:00:ee:01',
  up: true,
  kind: 'device',
  addresses: [],
})
const host: DriverHost = {
  underlay: { interface: 'eth0', address: '192.0.2.1', mtu: 1500 },
  interfaces: [fact('eth0'), fact('eth1', 9000), fact('wan.5')],
  uplinks: { storage: 'eth1', lost: 'eth7', long: 'enp7s0f1np1' },
}

describe('parents', () => {
  it.each([
    ['eth1', { interface: 'eth1', vlanIds: [] }],
    ['br', { interface: 'br', vlanIds: [] }],
    ['eth1.100', { interface: 'eth1', vlanIds: [100] }],
    ['eth1.1', { interface: 'eth1', vlanIds: [1] }],
    ['eth1.4094', { interface: 'eth1', vlanIds: [4094] }],
    ['eth1.100.200', { interface: 'eth1', vlanIds: [100, 200] }],
    ['bond0.lan', { interface: 'bond0.lan', vlanIds: [] }],
    ['@storage', { uplink: 'storage', vlanIds: [] }],
    ['@storage.100', { uplink: 'storage', vlanIds: [100] }],
    ['@storage.100.200', { uplink: 'storage', vlanIds: [100, 200] }],
  ])('reads %s', (text, expected) => {
    expect(parseParent(text)).toEqual({ text, ...expected })
  })

  it.each([
    ['--help', /bad parent: --help: it must begin with a letter or digit/],
    ['-o', /bad parent/],
    ['', /bad parent/],
    ['@', /the uplink’s name must be 1 to 63/],
    ['@Storage', /the uplink’s name/],
    ['@default', /is reserved/],
    ['lo', /loopback/],
    ['eth1/0', /bad parent/],
    ['../eth1', /bad parent/],
    ['eth 1', /bad parent/],
    ['eth1;reboot', /bad parent/],
    ['.100', /bad parent/],
    ['eth1.0', /VLAN id out of range: eth1\.0: VLANs are numbered 1 to 4094.* and 0 is none.*write it like/],
    ['eth1.4095', /VLAN id out of range: eth1\.4095/],
    ['eth1.4096', /VLAN id out of range/],
    ['eth1.0100', /without leading zeros/],
    ['eth1.99999999999999999999', /VLAN id out of range/],
    ['eth1.100.0', /VLAN id out of range/],
    ['eth1.1.2.3', /3 VLAN tags; 2 are possible/],
    ['@storage.0', /VLAN id out of range/],
    ['abcdefghijklmnop', /longer than 15 bytes/],
    ['enp7s0f1np1.1000', /enp7s0f1np1\.1000: it has 16 bytes, Linux takes 15.*shorter name/],
    ['enp7s0f1.100.2000', /name of the VLAN sub-interface is too long: enp7s0f1\.100\.2000/],
  ])('refuses %j', (text, message) => {
    expect(() => parseParent(text)).toThrow(message)
  })

  it('never throws anything but its own refusal, and keeps names within 15 bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^@?[a-z0-9.-]{0,20}$/)), (text) => {
        try {
          const { interface: name, vlanIds } = parseParent(text)
          if (name !== undefined) expect([name, ...vlanIds].join('.').length).toBeLessThanOrEqual(15)
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid', parts: { remedy: expect.any(String) } })
        }
      }),
    )
  })
})

describe('parents on a host', () => {
  const resolve = (text: string) => resolveParent(parseParent(text), host)

  it('is the interface itself without a VLAN', () => {
    expect(resolve('eth1')).toMatchObject({ links: [], top: { netns: '', name: 'eth1' }, mtu: 9000 })
  })

  it('is an 802.1Q sub-interface with one VLAN, with its parent’s MAC and MTU', () => {
    const { links, top } = resolve('@storage.100')
    expect(top).toEqual({ netns: '', name: 'eth1.100' })
    expect(links).toMatchObject([
      {
        kind: 'vlan',
        netns: '',
        name: 'eth1.100',
        parent: { name: 'eth1' },
        vlanId: 100,
        protocol: '802.1Q',
        mtu: 9000,
        presence: 'shared',
      },
    ])
  })

  it('is 802.1Q inside 802.1ad with two', () => {
    expect(resolve('eth1.100.200').links).toMatchObject([
      { name: 'eth1.100', parent: { name: 'eth1' }, vlanId: 100, protocol: '802.1ad' },
      { name: 'eth1.100.200', parent: { name: 'eth1.100' }, vlanId: 200, protocol: '802.1Q' },
    ])
  })

  it('takes an interface with a dot in its name for what it is', () => {
    expect(resolve('wan.5')).toMatchObject({ links: [], top: { name: 'wan.5' } })
  })

  it('says what the host has when the parent is missing', () => {
    expect(() => resolve('eth9')).toThrow(
      /\[not_found\] parent interface is missing on this host: eth9: it has eth0, eth1, wan\.5/,
    )
    expect(() => resolve('@lost.5')).toThrow(/missing on this host: eth7/)
  })

  it('says how to map an uplink', () => {
    expect(() => resolve('@nowhere')).toThrow(
      /@nowhere: parent=@nowhere needs one; weft uplink set nowhere HOST INTERFACE/,
    )
    expect(() => resolve('@constructor')).toThrow(/has no interface on this host/)
  })

  it('refuses a sub-interface whose name gets too long only here', () => {
    const long = { ...host, interfaces: [fact('enp7s0f1np1')] }
    expect(() => resolveParent(parseParent('@long.1000'), long)).toThrow(/enp7s0f1np1\.1000: it has 16 bytes/)
  })
})
