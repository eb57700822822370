import { describe, expect, it } from 'vitest'
import { nftTableScript } from '../host-state/nft-table.ts'
import { type GuardedLink, guardTable, linkLocalOf } from './guard.ts'

const link: GuardedLink = {
  ...{ netns: 'weft', name: 'wfp1', at: 'ingress', mac: '02:00:00:00:00:07', sharesMac: false },
  addresses: ['10.0.0.7', 'fd00::7'],
}

describe('the guard of an interface', () => {
  it('lets through what is its own, and drops all else', () => {
    expect(nftTableScript(guardTable('u7', link))).toContain(`  chain guard {
    type filter hook ingress device "wfp1" priority -300; policy accept;
    @ll,48,64 0x0200000000070800 ip saddr 10.0.0.7 goto own4
    @ll,48,64 0x0200000000070806 arp saddr ether 02:00:00:00:00:07 arp saddr ip { 10.0.0.7, 0.0.0.0 } accept
    @ll,48,64 0x02000000000786dd ip6 saddr { fd00::7, fe80::ff:fe00:7 } goto own6
`)
  })

  it('knows no family that the network does not have', () => {
    const text = (addresses: string[]) => nftTableScript(guardTable('u7', { ...link, addresses }))
    expect(text(['10.0.0.7'])).not.toMatch(/86dd|icmpv6/)
    expect(text(['fd00::7'])).not.toMatch(/0800 |arp/)
  })

  it('in a sandbox lets alone what takes the place of its link', () => {
    const [chain] = guardTable('u7', { ...link, netns: '/run/netns/x', name: 'eth0', at: 'egress' }).chains
    expect(chain?.rules[0]).toBe('oif != "eth0" accept')
    expect(chain?.hook).toMatchObject({ at: 'egress', device: 'eth0' })
  })

  it('takes any link-local address where the MAC is shared, any MAC where it is not known', () => {
    const text = nftTableScript(guardTable('u7', { ...link, mac: undefined, sharesMac: true }))
    expect(text).toContain('ip6 saddr { fd00::7, fe80::/64 }')
    expect(text).toContain('0xfe800000000000000000000000000000-0xfe80000000000000ffffffffffffffff }')
    expect(text).toContain('@ll,96,16 0x0800 ip saddr 10.0.0.7 goto own4')
  })

  it('makes link-local addresses of MACs as Linux does', () => {
    expect(linkLocalOf('02:42:ac:11:00:02')).toBe('fe80::42:acff:fe11:2')
    expect(linkLocalOf('52:54:00:12:34:56')).toBe('fe80::5054:ff:fe12:3456')
  })
})
