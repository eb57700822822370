/**
 * The user's own use: macvlan networks on VLANs of a trunk that real machines share, made with one command each,
 * proven by the wire; reboots follow here when there is time, and one in nic.test.ts always. The tests are one story and run in order.
 */
import { WEFT_LINK_GROUP } from '@weft/shared'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import { addressOf, backWithAddress, converged, docker, linksOf, ping, runContainer, typeGuide } from './story.ts'

const isLong = process.env.RIG_LONG === '1'

const VLANS = [
  { network: 'mynet2', id: 100, letter: 'a' },
  { network: 'mynet3', id: 200, letter: 'b' },
] as const

describe.skipIf(inject('rigReason') !== '')('macvlan on VLANs of a shared trunk', () => {
  let rig: Rig
  /** Address by container. */
  const address = new Map<string, string>()
  const at = (name: string) => address.get(name) ?? ''

  beforeAll(() => {
    rig = attach()
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('both hosts join by their units and converge', async () => {
    await converged(rig.controller, 2)
    for (const host of rig.hosts)
      expect((await linksOf(host)).filter(({ ifname }) => ifname.startsWith('eth1.'))).toEqual([])
  })

  it('one command each makes the two networks on both hosts, sub-interfaces and all', async () => {
    await typeGuide(rig.controller, 'parent=eth1.100')
    await converged(rig.controller, 2)
    for (const host of rig.hosts) {
      const found = await linksOf(host)
      for (const { id } of VLANS) {
        const link = found.find(({ ifname }) => ifname === `eth1.${id}`)
        expect(link?.linkinfo?.info_data).toMatchObject({ id, protocol: '802.1Q' })
        expect(link).toMatchObject({ link: 'eth1', group: String(WEFT_LINK_GROUP), operstate: 'UP' })
      }
      const names = await docker(host, 'network', 'ls', '-f', 'driver=weft', '--format', '{{.Name}}')
      expect(names.split('\n')).toEqual(expect.arrayContaining(VLANS.map(({ network }) => network)))
    }
  })

  it('Docker starts a container on each of them, on each host', async () => {
    await Promise.all(
      VLANS.flatMap(({ network, letter }) =>
        rig.hosts.map(async (host, index) => {
          const name = `${letter}${index + 1}`
          await runContainer(host, name, network)
          address.set(name, await addressOf(host, name, network))
        }),
      ),
    )
    expect(new Set(address.values()).size).toBe(4)
  })

  // Side by side: they wait for answers, or for none, most of the time.
  describe.concurrent('which', () => {
    it('reach each other inside a VLAN, across hosts', async () => {
      expect(await ping(rig.hosts[0], 'a1', at('a2'))).toEqual({ sent: 3, received: 3 })
      // By name, too: weft-dns answers in the sandbox.
      expect(await ping(rig.hosts[0], 'a1', 'a2')).toEqual({ sent: 3, received: 3 })
      expect(await ping(rig.hosts[1], 'b2', at('b1'))).toEqual({ sent: 3, received: 3 })
    })

    it('and not across VLANs, where not even ARP is answered', async () => {
      const ask = (container: string, target: string) =>
        rig.hosts[0].exec(['docker', 'exec', container, 'arping', '-c', '3', '-w', '5', '-I', 'eth0', target])
      const [inside, across, pings] = await Promise.all([
        ask('a1', at('a2')),
        ask('b1', at('a2')),
        ping(rig.hosts[0], 'b1', at('a2'), 2),
      ])
      expect(inside.out).toMatch(/Received [1-9]\d* (response|repl)/)
      expect(across.out).toMatch(/Received 0 (response|repl)/)
      expect(pings).toEqual({ sent: 2, received: 0 })
    })

    it('and the wire carries their tags', async () => {
      // Each capture ends with its own pings: those of the tests beside this one do not count.
      const capture = (id: number, letter: string) =>
        rig.hosts[1].exec(
          [
            ...['timeout', '90', 'tcpdump', '-e', '-nn', '-l', '-i', 'eth1', '-c', '4'],
            `vlan ${id} and icmp and src ${at(`${letter}1`)} and dst ${at(`${letter}2`)}`,
          ],
          { timeoutMs: 120_000 },
        )
      const captures = Promise.all(VLANS.map(({ id, letter }) => capture(id, letter)))
      await Promise.all(VLANS.map(({ letter }) => ping(rig.hosts[0], `${letter}1`, at(`${letter}2`), 12)))
      for (const [index, { out }] of (await captures).entries()) {
        const frames = out.trim().split('\n')
        expect(frames).toHaveLength(4)
        for (const line of frames)
          expect(line).toMatch(new RegExp(`ethertype 802\\.1Q \\(0x8100\\).* vlan ${VLANS[index]?.id},`))
      }
    })
  })

  /** Containers run on their old addresses and reach each other; Docker's engine is what takes long to come back. */
  async function everythingIsBack(): Promise<void> {
    for (const { network, letter } of VLANS)
      for (const [index, host] of rig.hosts.entries()) {
        const name = `${letter}${index + 1}`
        expect(await backWithAddress(host, name, network)).toBe(at(name))
      }
    expect((await ping(rig.hosts[0], 'a1', at('a2'), 5)).received).toBeGreaterThanOrEqual(4)
    expect((await ping(rig.hosts[1], 'b2', at('b1'), 5)).received).toBeGreaterThanOrEqual(4)
    await converged(rig.controller, 2)
  }

  it.skipIf(!isLong)('all three go down at once, one by a reboot, two by a power cut; all is back', async () => {
    const [first, second] = rig.hosts
    const cut = async (machine: Machine) => {
      await machine.must(['sync'])
      await machine.powerOff()
      await machine.powerOn(rig.image)
      await machine.ready(240_000)
    }
    await Promise.all([first.reboot(), cut(second), cut(rig.controller)])
    await everythingIsBack()
  })

  it.skipIf(!isLong)('each of the others reboots in its turn; all is back', async () => {
    // The second host does in nic.test.ts.
    for (const machine of [rig.hosts[0], rig.controller]) {
      await machine.reboot()
      await everythingIsBack()
    }
  })

  it.skipIf(!isLong)(
    'a NIC that comes late at boot: the containers that Docker gave up on are started when it is there',
    async () => {
      const [first] = rig.hosts
      const device = (await first.shell('basename "$(readlink /sys/class/net/eth1/device)"')).trim()
      await first.must(['touch', '/etc/rig-late-eth1'])
      await first.reboot()
      const error = await waitFor(
        async () => (await first.exec(['docker', 'inspect', '--format', '{{.State.Error}}', 'a1'])).out.trim(),
        { what: 'Docker to give up on a1', timeoutMs: 120_000, intervalMs: 1_000 },
      )
      expect(error).toMatch(/container not wired.*parent interface is missing on this host: eth1/)
      await first.must(['rm', '/etc/rig-late-eth1'])
      await first.shell('echo "$1" > /sys/bus/virtio/drivers/virtio_net/bind; ip link set eth1 up', [device])
      await everythingIsBack()
    },
  )
})
