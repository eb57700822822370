/**
 * The wire below containers: service tags around customer tags, bridges that a VLAN joins, and a switch that lets only the
 * NICs' own MACs pass, which `weft doctor` finds and names. The tests are one story and run in order.
 */
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import { addressOf, converged, docker, linksOf, ping, runContainer, weft } from './story.ts'

const NETWORKS = [
  { network: 'stacked', driver: 'macvlan', parent: 'eth1.300.30', subnet: '10.30.0.0/24', letter: 's' },
  { network: 'bridged', driver: 'bridge', parent: 'eth1.140', subnet: '10.140.0.0/24', letter: 'b' },
] as const

/**
 * What a hypervisor's switch does where promiscuous mode and forged transmits are refused: to and from this port it passes the
 * NIC's own MAC alone, and what is for many. The hooks lie outside of all tags.
 */
const FILTER = `
table netdev rig_switch {
  chain in { type filter hook ingress device eth1 priority -500; ether daddr != MAC ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 drop; }
  chain out { type filter hook egress device eth1 priority 500; ether saddr != MAC drop; }
}
`

/** A port of a switch to which one VLAN is not trunked. */
const UNTRUNKED = `
table netdev rig_switch { chain in { type filter hook ingress device eth1 priority -500; vlan id 140 drop; }; }
`

interface Finding {
  readonly check: string
  readonly severity: string
  readonly hosts: readonly string[]
  readonly measured: string
  readonly why?: string
  readonly remedy?: string
}

describe.skipIf(inject('rigReason') !== '')('the wire below containers', () => {
  let rig: Rig
  const address = new Map<string, string>()
  const at = (name: string) => address.get(name) ?? ''
  /** Frames with ICMP in them that a host's trunk NIC sees while the first container pings the second, as tcpdump tells them. */
  const seen = async (host: Machine, letter: string) => {
    const capture = host.exec(
      ['timeout', '25', 'tcpdump', '-e', '-nn', '-l', '-i', 'eth1', '-c', '6', 'ether[0] & 1 = 0'],
      {
        timeoutMs: 60_000,
      },
    )
    await ping(rig.hosts[0], `${letter}1`, at(`${letter}2`), 8)
    return (await capture).out.split('\n').filter((line) => line.includes(`${at(`${letter}1`)} > ${at(`${letter}2`)}`))
  }
  /** What an emulated host was too slow for is asked again: the doctor's own time is a real one's. */
  const wires = async () => {
    for (let tries = 0; ; tries++) {
      const { out } = await rig.controller.exec(['weft', 'doctor', '--all', '--format', 'json'], { timeoutMs: 120_000 })
      const findings = JSON.parse(out) as Finding[]
      const untried = findings.filter(({ check, severity }) => check === 'pair' && severity === 'skipped')
      if (untried.length === 0 || tries === 2) return findings.filter(({ check }) => check === 'wire')
      console.log(untried.map(({ measured }) => measured).join('; '))
    }
  }

  beforeAll(async () => {
    rig = attach()
    for (const { network, driver, parent, subnet } of NETWORKS)
      await weft(
        rig.controller,
        'network',
        'create',
        '-d',
        driver,
        '--subnet',
        subnet,
        '-o',
        `parent=${parent}`,
        network,
      )
    await converged(rig.controller, 2)
    await Promise.all(
      rig.hosts.map(async (host, index) => {
        for (const { network, letter } of NETWORKS) {
          const name = `${letter}${index + 1}`
          await runContainer(host, name, network)
          address.set(name, await addressOf(host, name, network))
        }
      }),
    )
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('two tags: 802.1ad outside, 802.1Q inside, and containers reach each other', async () => {
    const links = await linksOf(rig.hosts[0])
    const data = (name: string) => links.find(({ ifname }) => ifname === name)?.linkinfo?.info_data
    expect(data('eth1.300')).toMatchObject({ id: 300, protocol: '802.1ad' })
    expect(data('eth1.300.30')).toMatchObject({ id: 30, protocol: '802.1Q' })
    expect(await ping(rig.hosts[0], 's1', at('s2'))).toEqual({ sent: 3, received: 3 })
    const frames = await seen(rig.hosts[1], 's')
    expect(frames.length).toBeGreaterThan(0)
    for (const frame of frames) expect(frame).toMatch(/ethertype 802\.1Q-QinQ .*vlan 300,.*ethertype 802\.1Q.*vlan 30,/)
  })

  it('bridges of both hosts are one by their VLAN uplink', async () => {
    expect(await ping(rig.hosts[0], 'b1', at('b2'))).toEqual({ sent: 3, received: 3 })
    const frames = await seen(rig.hosts[1], 'b')
    expect(frames.length).toBeGreaterThan(0)
    for (const frame of frames) expect(frame).toMatch(/ethertype 802\.1Q \(0x8100\).* vlan 140,/)
  })

  it('the doctor finds the wires sound', async () => {
    const found = await wires()
    expect(found.map(({ severity }) => severity)).toEqual(['ok', 'ok'])
    expect(found[0]?.measured).toMatch(/frames of eth1\.140 \(network bridged\) pass both ways/)
    expect(found[1]?.measured).toMatch(/frames of eth1\.300\.30 \(network stacked\) pass both ways/)
  })

  it('a VLAN of bridges that the switch does not carry is found, and only that', async () => {
    const [, second] = rig.hosts
    await second.must(['nft', '-f', '-'], { input: UNTRUNKED })
    try {
      const [bridged, stacked] = await wires()
      expect(bridged).toMatchObject({ severity: 'error', measured: expect.stringContaining('no frame of eth1.140') })
      expect(bridged?.remedy).toMatch(/trunk the VLAN on both switch ports/)
      expect(stacked).toMatchObject({ severity: 'ok' })
      const traced = await rig.controller.exec(['weft', 'trace', 'b1', 'b2', '--format', 'json'], {
        timeoutMs: 120_000,
      })
      const { reached, findings } = JSON.parse(traced.out) as { reached: boolean; findings: Finding[] }
      expect(reached).toBe(false)
      const found = findings.filter(({ severity }) => severity === 'error').map(({ check }) => check)
      expect(found).toEqual(['echo', 'wire'])
    } finally {
      await second.must(['nft', 'delete', 'table', 'netdev', 'rig_switch'])
    }
  })

  it('a switch that passes only the NIC’s own MAC is found, named and explained', async () => {
    const [, second] = rig.hosts
    const mac = second.layout.trunkMac
    await second.must(['nft', '-f', '-'], { input: FILTER.replaceAll('MAC', mac) })
    try {
      expect((await ping(rig.hosts[0], 's1', at('s2'), 2)).received).toBe(0)
      const found = await wires()
      expect(found).toHaveLength(NETWORKS.length)
      for (const { severity, measured, why, remedy } of found) {
        expect(severity).toBe('error')
        expect(measured).toMatch(/with the interfaces' own MACs they pass both ways/)
        expect(why).toMatch(/only the NIC's own MAC pass/)
        expect(remedy).toMatch(/allow promiscuous mode, MAC changes and forged transmits/)
        expect(remedy).toMatch(/ipvlan/)
      }
    } finally {
      await second.must(['nft', 'delete', 'table', 'netdev', 'rig_switch'])
    }
    expect((await ping(rig.hosts[0], 's1', at('s2'), 3)).received).toBeGreaterThan(0)
  })

  it('nothing is left when containers and networks are gone', async () => {
    await Promise.all(rig.hosts.map((host, index) => docker(host, 'rm', '-f', `s${index + 1}`, `b${index + 1}`)))
    await weft(rig.controller, 'network', 'rm', ...NETWORKS.map(({ network }) => network))
    await converged(rig.controller, 2)
    for (const host of rig.hosts)
      expect((await linksOf(host)).filter(({ ifname }) => ifname.startsWith('eth1.'))).toEqual([])
  })
})
