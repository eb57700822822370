/** The guard on the real kernel: what a container with CAP_NET_RAW sends, and what of it the next one gets to see. */
import { execFileSync } from 'node:child_process'
import { release } from 'node:os'
import { guardTable, linkLocalOf, type NftTable } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { arp, ether, ipv4, ipv6, nd, sendFrames, udp, vlanTagged } from '../support/frames.ts'
import { createLinuxWorld, json, type LinuxWorld, run } from './linux-world.ts'

const OWN = { mac: '02:00:00:00:00:07', ip: '10.9.0.7', ip6: 'fd09::7' }
const OTHER = { mac: '02:00:00:00:00:08', ip: '10.9.0.8', ip6: 'fd09::8' }
const THIRD = '02:00:00:00:00:09'
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const ALL_NODES = { mac: '33:33:00:00:00:01', ip: 'ff02::1' }

const honest = {
  'ARP of its own': arp(BROADCAST, OWN.mac, { mac: OWN.mac, ip: OWN.ip }, OTHER.ip),
  'an ARP probe': arp(BROADCAST, OWN.mac, { mac: OWN.mac, ip: '0.0.0.0' }, OTHER.ip),
  'IPv4 of its own': ether(THIRD, OWN.mac, 0x0800, ipv4(OWN.ip, OTHER.ip, 17, udp(1000, 2000))),
  'IPv6 of its own': ether(THIRD, OWN.mac, 0x86dd, ipv6(OWN.ip6, OTHER.ip6, 17, udp(1000, 2000))),
  'IPv6 from its link-local address': ether(
    THIRD,
    OWN.mac,
    0x86dd,
    ipv6(linkLocalOf(OWN.mac), OTHER.ip6, 17, udp(1000, 2000)),
  ),
  'an advertisement of its own': nd(ALL_NODES, OWN, 136, OWN.ip6),
  'duplicate address detection of its own': nd(ALL_NODES, { ...OWN, ip6: '::' }, 135, OWN.ip6),
  'a solicitation of another': nd(ALL_NODES, OWN, 135, OTHER.ip6),
}

const forged = {
  'another’s MAC': ether(BROADCAST, OTHER.mac, 0x0800, ipv4(OWN.ip, OTHER.ip, 17, udp(1000, 2000))),
  'ARP for another’s address': arp(BROADCAST, OWN.mac, { mac: OWN.mac, ip: OTHER.ip }, OWN.ip),
  'ARP in another’s name': arp(BROADCAST, OWN.mac, { mac: OTHER.mac, ip: OWN.ip }, OWN.ip),
  'IPv4 of another': ether(THIRD, OWN.mac, 0x0800, ipv4(OTHER.ip, OWN.ip, 17, udp(1000, 2000))),
  'IPv6 of another': ether(THIRD, OWN.mac, 0x86dd, ipv6(OTHER.ip6, OWN.ip6, 17, udp(1000, 2000))),
  'another’s link-local address': ether(THIRD, OWN.mac, 0x86dd, ipv6(linkLocalOf(OTHER.mac), OWN.ip6, 17, udp(1, 2))),
  'an advertisement of another’s address': nd(ALL_NODES, OWN, 136, OTHER.ip6),
  'duplicate address detection of another’s': nd(ALL_NODES, { ...OWN, ip6: '::' }, 135, OTHER.ip6),
  'a router advertisement': nd(ALL_NODES, { ...OWN, ip6: linkLocalOf(OWN.mac) }, 134, '::'),
  'a redirect': nd(ALL_NODES, { ...OWN, ip6: linkLocalOf(OWN.mac) }, 137, OTHER.ip6),
  'an answer of DHCP': ether(BROADCAST, OWN.mac, 0x0800, ipv4(OWN.ip, '255.255.255.255', 17, udp(67, 68))),
  'an answer of DHCPv6': ether(THIRD, OWN.mac, 0x86dd, ipv6(OWN.ip6, OTHER.ip6, 17, udp(547, 546))),
  'a VLAN tag': vlanTagged(ether(BROADCAST, OWN.mac, 0x0800, ipv4(OWN.ip, OTHER.ip, 17, udp(1000, 2000))), 5),
  'a BPDU': ether('01:80:c2:00:00:00', OWN.mac, 0x0026, Buffer.from('424203000000', 'hex')),
  'a protocol of its own': ether(BROADCAST, OWN.mac, 0x88b5, Buffer.alloc(46)),
}

describe('the guard of an interface', () => {
  let world: LinuxWorld
  let sandbox = ''
  beforeEach(async () => {
    world = await createLinuxWorld()
    sandbox = world.makeSandbox()
  })
  afterEach(() => world.dispose())

  const inside = (...argv: string[]) => execFileSync('nsenter', [`--net=${sandbox}`, ...argv], { encoding: 'utf8' })
  const received = () =>
    json<{ stats64: { rx: { packets: number } } }>('ip', '-j', '-s', 'link', 'show', 'dev', 'seen')[0]?.stats64.rx
      .packets
  async function set(table: NftTable) {
    expect((await world.kernel.apply([{ op: 'nft-table-set', table }])).map(({ error }) => error.message)).toEqual([])
  }

  /** What of it arrives at `seen`, of which nothing else is heard. */
  function arrives(frames: Record<string, Buffer>, protocol?: number, bypass = false): string[] {
    return Object.entries(frames).flatMap(([name, frame]) => {
      const before = received()
      sendFrames(inside, 'eth0', [frame], { protocol, bypass })
      return received() === before ? [] : [name]
    })
  }

  const quiet = (where: (...argv: string[]) => unknown, link: string) => {
    where('sysctl', '-qw', `net.ipv6.conf.${link}.disable_ipv6=1`)
    where('ip', 'link', 'set', link, 'up')
  }

  describe('on a port', () => {
    beforeEach(() => {
      run('ip', 'link', 'add', 'port', 'type', 'veth', 'peer', 'name', 'eth0', 'address', OWN.mac)
      run('ip', 'link', 'add', 'seen', 'type', 'veth', 'peer', 'name', 'out')
      run('ip', 'link', 'add', 'name', 'switch', 'type', 'bridge', 'mcast_snooping', '0')
      run('ip', 'link', 'set', 'eth0', 'netns', sandbox.replace('/run/netns/', ''))
      for (const link of ['port', 'out']) run('ip', 'link', 'set', link, 'master', 'switch')
      for (const link of ['port', 'out', 'seen', 'switch'])
        quiet((...argv) => run(argv[0] ?? '', ...argv.slice(1)), link)
      quiet(inside, 'eth0')
    })

    it('lets a container send as itself, and as nobody else', async () => {
      expect(arrives({ ...honest, ...forged })).toEqual([...Object.keys(honest), ...Object.keys(forged)])
      await set(
        guardTable('u7', {
          netns: '',
          name: 'port',
          at: 'ingress',
          mac: OWN.mac,
          sharesMac: false,
          addresses: [OWN.ip, OWN.ip6],
        }),
      )
      expect(arrives(honest)).toEqual(Object.keys(honest))
      expect(arrives(forged)).toEqual([])
    })
  })

  describe('in a sandbox', () => {
    /** A macvlan child of `parent`, as eth0 of the sandbox. */
    const moveChild = (mac: string) => {
      const child = ['name', 'eth0', 'address', mac, 'type', 'macvlan', 'mode', 'bridge']
      run('ip', 'link', 'add', 'link', 'parent', ...child)
      run('ip', 'link', 'set', 'eth0', 'netns', sandbox.replace('/run/netns/', ''))
    }
    beforeEach(async () => {
      run('ip', 'link', 'add', 'parent', 'type', 'veth', 'peer', 'name', 'seen')
      moveChild(OWN.mac)
      for (const link of ['parent', 'seen']) quiet((...argv) => run(argv[0] ?? '', ...argv.slice(1)), link)
      quiet(inside, 'eth0')
    })
    const guard = () =>
      set(
        guardTable('u7', {
          netns: sandbox,
          name: 'eth0',
          at: 'egress',
          mac: OWN.mac,
          sharesMac: false,
          addresses: [OWN.ip, OWN.ip6],
        }),
      )

    it('lets a container send as itself, and as nobody else', async () => {
      await guard()
      expect(arrives(honest)).toEqual(Object.keys(honest))
      expect(arrives(forged)).toEqual([])
    })

    it.each([0x0800, 0x0806, 0x86dd, 0x8100])('is not deceived by a sender that calls a frame %d', async (protocol) => {
      await guard()
      expect(arrives(forged, protocol)).toEqual([])
    })

    it('is not passed by a socket that bypasses queueing', async () => {
      await guard()
      expect(arrives(honest, undefined, true)).toEqual(Object.keys(honest))
      expect(arrives(forged, undefined, true)).toEqual([])
    })

    it('lets alone another interface of its name', async () => {
      await guard()
      inside('ip', 'link', 'del', 'eth0')
      moveChild(OTHER.mac)
      quiet(inside, 'eth0')
      expect(arrives(forged)).toEqual(Object.keys(forged))
    })
  })

  describe('of an interface that is still to come', () => {
    const table = (name: string) =>
      guardTable('u7', {
        netns: sandbox,
        name,
        at: 'egress',
        mac: OWN.mac,
        sharesMac: false,
        addresses: [OWN.ip, OWN.ip6],
      })
    const coming = { link: { netns: '', name: 'wfcoming' }, names: ['wfcoming', 'eth0', 'eth1'] }
    const ahead = (name: string) => world.kernel.apply([{ op: 'nft-table-set', table: table(name), coming }])
    const move = () => {
      run('ip', 'link', 'set', 'wfcoming', 'netns', sandbox.replace('/run/netns/', ''))
      inside('ip', 'link', 'set', 'wfcoming', 'name', 'eth0')
      quiet(inside, 'eth0')
    }
    const told = async () => (await world.kernel.observe([sandbox])).state.nftTables
    beforeEach((context) => {
      context.skip(!hooksAhead(), 'Linux hooks into links that are still to come from 6.16 on')
      run('ip', 'link', 'add', 'parent', 'type', 'veth', 'peer', 'name', 'seen')
      for (const link of ['parent', 'seen']) quiet((...argv) => run(argv[0] ?? '', ...argv.slice(1)), link)
      const of = ['address', OWN.mac, 'type', 'macvlan', 'mode', 'bridge']
      run('ip', 'link', 'add', 'link', 'parent', 'name', 'wfcoming', ...of)
    })

    it('stands from its first frame on, and is the one that is wanted when it has come', async () => {
      expect(await ahead('eth0')).toEqual([])
      move()
      expect(arrives(honest)).toEqual(Object.keys(honest))
      expect(arrives(forged)).toEqual([])
      expect(await told()).toEqual([table('eth0')])
    })

    it('holds under another name than the expected one, and is set anew for it', async () => {
      expect(await ahead('eth1')).toEqual([])
      move()
      expect(arrives(forged)).toEqual([])
      expect(await told()).not.toEqual([table('eth0')])
      await set(table('eth0'))
      expect(arrives(honest)).toEqual(Object.keys(honest))
      expect(arrives(forged)).toEqual([])
    })

    it('is not set for one that has left, nor where another has its number', async () => {
      const [{ ifindex } = { ifindex: 0 }] = json<{ ifindex: number }>('ip', '-j', 'link', 'show', 'dev', 'wfcoming')
      inside('ip', 'link', 'add', 'other', 'index', String(ifindex), 'type', 'veth', 'peer', 'name', 'another')
      expect((await ahead('eth0')).map(({ error }) => error.code)).toEqual(['conflict'])
      inside('ip', 'link', 'del', 'other')
      move()
      expect((await ahead('eth0')).map(({ error }) => error.code)).toEqual(['not_found'])
      expect(await told()).toEqual([])
    })
  })
})

function hooksAhead(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number.parseFloat)
  return major > 6 || (major === 6 && minor >= 16)
}
