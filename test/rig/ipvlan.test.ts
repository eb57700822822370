/**
 * ipvlan between real machines, whose kernel has it: containers behind the one MAC that the wire knows, switched (l2) and routed
 * (l3, l3s); then the same with IPv6, alone and beside IPv4. The tests of each are one story and run in order.
 */
import { linkLocalOf } from '@weft/shared'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { arp, ether, ipv4, routerAdvertisement, sendArgv, udp } from '../support/frames.ts'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import { address6Of, addressOf, backWithAddress, converged, docker, ping, runContainer, weft } from './story.ts'

const NETWORKS = [
  { network: 'ipl2', mode: 'l2', id: 110, subnet: '10.110.0.0/24' },
  { network: 'ipl3', mode: 'l3', id: 120, subnet: '10.120.0.0/24' },
  { network: 'ipl3s', mode: 'l3s', id: 130, subnet: '10.130.0.0/24' },
] as const

interface Ipvlan {
  readonly address: string
  readonly flags: readonly string[]
  readonly linkinfo: { readonly info_kind: string; readonly info_data: { readonly mode: string } }
}

/** Runs a program of the machine's in the network namespace of a container. */
async function inside(host: Machine, container: string, ...argv: string[]): Promise<string> {
  const pid = await docker(host, 'inspect', '--format', '{{.State.Pid}}', container)
  return (await host.must(['nsenter', `--net=/proc/${pid}/ns/net`, ...argv])).trim()
}

async function eth0(host: Machine, container: string): Promise<Ipvlan> {
  const [link] = JSON.parse(await inside(host, container, 'ip', '-j', '-d', 'link', 'show', 'dev', 'eth0')) as Ipvlan[]
  if (link === undefined) throw new Error(`${container} has no eth0`)
  return link
}

describe.skipIf(inject('rigReason') !== '')('ipvlan on VLANs of a shared trunk', () => {
  let rig: Rig
  const address = new Map<string, string>()
  const at = (name: string) => address.get(name) ?? ''
  const start = async (host: Machine, name: string, network: string) => {
    await runContainer(host, name, network)
    address.set(name, await addressOf(host, name, network))
  }

  beforeAll(async () => {
    rig = attach()
    await converged(rig.controller, 2)
    for (const { network, mode, id, subnet } of NETWORKS) {
      const options = ['-o', `parent=eth1.${id}`, '-o', `ipvlan_mode=${mode}`]
      await weft(rig.controller, 'network', 'create', '-d', 'ipvlan', '--subnet', subnet, ...options, network)
    }
    await converged(rig.controller, 2)
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('refuses what the kernel would refuse later: macvlan, or another mode, on the same parent', async () => {
    for (const options of [
      ['-d', 'macvlan'],
      ['-d', 'ipvlan', '-o', 'ipvlan_mode=l3'],
    ]) {
      const argv = ['weft', 'network', 'create', ...options, '-o', 'parent=eth1.110', '--subnet', '10.111.0.0/24', 'x']
      const { code, err } = await rig.controller.exec(argv)
      expect(code).toBe(4)
      expect(err).toContain('network ipl2 has eth1.110 for ipvlan l2 bridge')
    }
  })

  it('l2: containers of both hosts reach each other with their parents’ MACs', async () => {
    await Promise.all(rig.hosts.map((host, index) => start(host, `l2-${index + 1}`, 'ipl2')))
    expect(await ping(rig.hosts[0], 'l2-1', at('l2-2'))).toEqual({ sent: 3, received: 3 })
    for (const [index, host] of rig.hosts.entries()) {
      const link = await eth0(host, `l2-${index + 1}`)
      expect(link.linkinfo).toMatchObject({ info_kind: 'ipvlan', info_data: { mode: 'l2' } })
      expect(link.address).toBe((await host.must(['cat', '/sys/class/net/eth1.110/address'])).trim())
    }
  })

  it('l2: a container cannot send as another', async () => {
    const [host] = rig.hosts
    const [{ address: mac }, own, other] = [await eth0(host, 'l2-1'), at('l2-1'), at('l2-2')]
    const dropped = async () => {
      const text = await inside(host, 'l2-1', 'nft', 'list', 'ruleset')
      if (!text.includes('weft_guard_')) return undefined
      return [...text.matchAll(/counter packets (\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0)
    }
    const before = await waitFor(dropped, { what: 'the guard of l2-1', timeoutMs: 30_000, intervalMs: 500 })
    const datagram = (from: string) => ipv4(from, other, 17, udp(1000, 2000))
    // ipvlan leaves a frame of no stated protocol without one, and the guard lets through what it knows alone.
    const send = (frame: Buffer) => {
      const protocol = frame.readUInt16BE(12)
      return inside(host, 'l2-1', ...sendArgv('eth0', [frame], { protocol }))
    }
    await send(ether('ff:ff:ff:ff:ff:ff', mac, 0x0800, datagram(own)))
    expect(await dropped()).toBe(before)
    await send(ether('ff:ff:ff:ff:ff:ff', mac, 0x0800, datagram(other)))
    await send(ether('ff:ff:ff:ff:ff:ff', '02:00:00:00:00:99', 0x0800, datagram(own)))
    await send(arp('ff:ff:ff:ff:ff:ff', mac, { mac, ip: other }, own))
    expect(await dropped()).toBe(before + 3)
  })

  it('a MAC of its own is refused, with what to do', async () => {
    const options = ['--rm', '--network', 'ipl2', '--mac-address', '02:aa:00:00:00:01']
    const { code, err } = await rig.hosts[0].exec(['docker', 'run', ...options, 'busybox', 'true'])
    expect(code).not.toBe(0)
    expect(err).toMatch(/02:aa:00:00:00:01.*parent interface.*leave --mac-address out/)
  })

  it('l3: no ARP, out by the device; across hosts by the routes that the admin gives', async () => {
    await Promise.all(rig.hosts.map((host, index) => start(host, `l3-${index + 1}`, 'ipl3')))
    for (const [index, host] of rig.hosts.entries()) {
      const name = `l3-${index + 1}`
      expect((await eth0(host, name)).flags).toContain('NOARP')
      expect(await inside(host, name, 'ip', 'route', 'show', 'default')).toMatch(
        /^default dev eth0 (proto \S+ )?scope link/,
      )
      const peer = 2 - index
      await host.must(['ip', 'address', 'add', `10.129.0.${index + 1}/24`, 'dev', 'eth1.120'])
      await host.must(['ip', 'route', 'add', `${at(`l3-${peer}`)}/32`, 'via', `10.129.0.${peer}`])
    }
    expect(await ping(rig.hosts[0], 'l3-1', at('l3-2'))).toEqual({ sent: 3, received: 3 })
  })

  it('l3: an interface and a default route that are lost come back', async () => {
    const [host] = rig.hosts
    await inside(host, 'l3-1', 'ip', 'link', 'del', 'eth0')
    await waitFor(
      async () => ((await ping(host, 'l3-1', at('l3-2'), 1).catch(() => undefined))?.received === 1 ? true : undefined),
      { what: 'l3-1 to reach l3-2 again', timeoutMs: 60_000, intervalMs: 500 },
    )
    expect(await inside(host, 'l3-1', 'ip', 'route', 'show', 'default')).toMatch(
      /^default dev eth0 (proto \S+ )?scope link/,
    )
    expect((await eth0(host, 'l3-1')).linkinfo.info_data.mode).toBe('l3')
  })

  it('l3s: the mode is what was asked for', async () => {
    await start(rig.hosts[0], 'l3s-1', 'ipl3s')
    const link = await eth0(rig.hosts[0], 'l3s-1')
    expect(link.linkinfo).toMatchObject({ info_kind: 'ipvlan', info_data: { mode: 'l3s' } })
    expect(link.flags).toContain('NOARP')
  })

  it('a restarted container keeps its address', async () => {
    await docker(rig.hosts[1], 'restart', '--time', '1', 'l2-2')
    expect(await backWithAddress(rig.hosts[1], 'l2-2', 'ipl2')).toBe(at('l2-2'))
    expect((await ping(rig.hosts[0], 'l2-1', at('l2-2'))).received).toBe(3)
  })

  it('nothing is left when containers and networks are gone', async () => {
    await Promise.all([
      docker(rig.hosts[0], 'rm', '-f', 'l2-1', 'l3-1', 'l3s-1'),
      docker(rig.hosts[1], 'rm', '-f', 'l2-2', 'l3-2'),
    ])
    await weft(rig.controller, 'network', 'rm', ...NETWORKS.map(({ network }) => network))
    await converged(rig.controller, 2)
    for (const host of rig.hosts) {
      const left = JSON.parse(await host.must(['ip', '-j', 'link', 'show'])) as { ifname: string }[]
      expect(left.filter(({ ifname }) => /^(eth1\.1[123]0|wfc)/.test(ifname))).toEqual([])
    }
  })
})

const SIXES = [
  { network: 'ipsix', letter: 's', parent: 'eth1', family: ['--ipv4=false'], subnets: ['fd64::/64'] },
  { network: 'ipdual', letter: 'd', parent: 'eth1.115', family: ['--ipv6'], subnets: ['10.115.0.0/24', 'fd65::/64'] },
] as const
/** Routed; the sub-interface is the admin's, who gives it IPv6. */
const ROUTED = { network: 'ipsix3', letter: 'r', parent: 'eth1.125', subnets: ['10.125.0.0/24', 'fd66::/64'] } as const

describe.skipIf(inject('rigReason') !== '')('IPv6 on ipvlan', () => {
  let rig: Rig
  /** Addresses by container, as its engine tells. */
  const addresses = new Map<string, { readonly six: string; readonly four: string }>()
  const at = (name: string) => addresses.get(name) ?? { six: '', four: '' }
  const create = (network: string, ...options: string[]) =>
    weft(rig.controller, 'network', 'create', '-d', 'ipvlan', ...options, network)
  const startPair = (network: string, letter: string) =>
    Promise.all(
      rig.hosts.map(async (host, index) => {
        const name = `${letter}${index + 1}`
        await runContainer(host, name, network)
        addresses.set(name, {
          six: await address6Of(host, name, network),
          four: await addressOf(host, name, network),
        })
      }),
    )
  const pings = async (from: string, ...target: string[]) =>
    (await ping(rig.hosts[0], from, target.join(' '), 3)).received

  /** A megabyte from the first container to the second, by each of these names and addresses. */
  const fetches = async (letter: string, targets: readonly string[]) => {
    const [first, second] = rig.hosts
    const serve = `head -c 1000000 /dev/urandom > /tmp/payload; sha256sum < /tmp/payload
      nc -ll -p 80 -e cat /tmp/payload < /dev/null > /dev/null 2>&1 &`
    const sent = await docker(first, 'exec', `${letter}1`, 'sh', '-c', serve)
    for (const target of targets) {
      const fetch = 'nc -w 20 "$0" 80 < /dev/null | sha256sum'
      expect(await docker(second, 'exec', `${letter}2`, 'sh', '-c', fetch, target), target).toBe(sent)
    }
  }
  const globals = async (host: Machine, container: string) => {
    const [link] = JSON.parse(await inside(host, container, 'ip', '-j', '-6', 'address', 'show', 'dev', 'eth0')) as {
      addr_info: { local: string; scope: string; dynamic?: boolean }[]
    }[]
    const found = link?.addr_info.filter(({ scope }) => scope === 'global') ?? []
    return found.map(({ local, dynamic = false }) => ({ local, dynamic }))
  }

  beforeAll(async () => {
    rig = attach()
    await converged(rig.controller, 2)
    for (const { network, parent, family, subnets } of SIXES)
      await create(network, ...family, ...subnets.flatMap((subnet) => ['--subnet', subnet]), '-o', `parent=${parent}`)
    await converged(rig.controller, 2)
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('alone: ping and TCP across hosts, by address and by name', async () => {
    await startPair('ipsix', 's')
    expect((await eth0(rig.hosts[0], 's1')).linkinfo).toMatchObject({ info_kind: 'ipvlan', info_data: { mode: 'l2' } })
    // Old Dockers insist on an IPv4 address: it leads nowhere.
    expect(await inside(rig.hosts[0], 's1', 'ip', '-4', 'route', 'show', 'dev', 'eth0')).toBe('')
    expect(await pings('s1', at('s2').six)).toBe(3)
    expect(await pings('s1', 's2')).toBe(3)
    await fetches('s', [at('s1').six, 's1'])
  })

  it('beside IPv4: both families, by address and by name', async () => {
    await startPair('ipdual', 'd')
    for (const target of [at('d2').four, at('d2').six]) expect(await pings('d1', target), target).toBe(3)
    for (const family of ['-4', '-6']) expect(await pings('d1', family, 'd2'), family).toBe(3)
    await fetches('d', [at('d1').four, at('d1').six, 'd1'])
  })

  it('a router on the wire advertises in vain: the containers get its frames, and only the host makes itself an address', async () => {
    const [first, second] = rig.hosts
    const { trunkMac: mac } = second.layout
    const frame = routerAdvertisement({ mac, ip6: linkLocalOf(mac) }, 'fd99::')
    const isAdvertisement = ['icmp6', 'and', 'ip6[40]', '==', '134']
    for (const { letter, parent } of SIXES) {
      const name = `${letter}1`
      let heard: string | undefined
      const capture = inside(
        first,
        name,
        'timeout',
        '60',
        'tcpdump',
        '-nn',
        '-c',
        '1',
        '-i',
        'eth0',
        ...isAdvertisement,
      )
      const over = capture.then((text) => {
        heard = text
      })
      while (heard === undefined) {
        await second.must(sendArgv(parent, [frame], { protocol: 0x86dd }))
        await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 500))])
      }
      expect(heard).toContain('router advertisement')
      expect(await globals(first, name)).toEqual([{ local: at(name).six, dynamic: false }])
      expect(await inside(first, name, 'ip', '-6', 'route', 'show', 'proto', 'ra')).toBe('')
    }
    expect(await first.must(['ip', '-6', 'address', 'show', 'dev', 'eth1', 'dynamic'])).toContain('fd99::')
    for (const host of rig.hosts)
      await host.shell('ip -6 address flush dev eth1 dynamic; ip -6 route flush dev eth1 proto ra')
  })

  it('routed: out by the device, in by the routes that the admin gives', async () => {
    const { network, letter, parent, subnets } = ROUTED
    const [first, second] = rig.hosts
    for (const [index, host] of rig.hosts.entries())
      await host.shell(
        'ip link add link eth1 name "$1" type vlan id 125; ip link set "$1" up; ip address add "$2" dev "$1"; ip address add "$3" dev "$1" nodad',
        [parent, `10.129.5.${index + 1}/24`, `fd67::${index + 1}/64`],
      )
    const options = ['--ipv6', ...subnets.flatMap((subnet) => ['--subnet', subnet]), '-o', `parent=${parent}`]
    await create(network, ...options, '-o', 'ipvlan_mode=l3')
    await startPair(network, letter)
    const way = 'ip route add "$1/32" via "$2"; ip -6 route add "$3/128" via "$4"'
    await first.shell(way, [at('r2').four, '10.129.5.2', at('r2').six, 'fd67::2'])
    await second.shell(way, [at('r1').four, '10.129.5.1', at('r1').six, 'fd67::1'])
    expect(await inside(first, 'r1', 'ip', '-6', 'route', 'show', 'default')).toMatch(/^default dev eth0 /)
    for (const target of [at('r2').four, at('r2').six]) expect(await pings('r1', target), target).toBe(3)
    for (const family of ['-4', '-6']) expect(await pings('r1', family, 'r2'), family).toBe(3)
    await fetches('r', [at('r1').four, at('r1').six, 'r1'])
  })

  it('nothing is left when containers and networks are gone', async () => {
    const letters = [...SIXES, ROUTED].map(({ letter }) => letter)
    await Promise.all(
      rig.hosts.map((host, index) => docker(host, 'rm', '-f', ...letters.map((letter) => `${letter}${index + 1}`))),
    )
    await weft(rig.controller, 'network', 'rm', ...[...SIXES, ROUTED].map(({ network }) => network))
    await converged(rig.controller, 2)
    for (const host of rig.hosts) {
      const left = JSON.parse(await host.must(['ip', '-j', 'link', 'show'])) as { ifname: string }[]
      expect(left.map(({ ifname }) => ifname).filter((name) => /^(eth1\.|wfc)/.test(name))).toEqual([ROUTED.parent])
      await host.must(['ip', 'link', 'del', ROUTED.parent])
    }
  })
})
