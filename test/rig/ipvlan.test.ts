/**
 * ipvlan between real machines, whose kernel has it: containers behind the one MAC that the wire knows, switched (l2) and routed
 * (l3, l3s). The tests are one story and run in order.
 */
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { arp, ether, ipv4, sendArgv, udp } from '../support/frames.ts'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import { addressOf, backWithAddress, converged, docker, ping, runContainer, weft } from './story.ts'

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
