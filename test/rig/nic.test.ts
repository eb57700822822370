/**
 * What happens to a NIC while containers stand on it: it goes down, disappears, comes back, gets another name; somebody deletes
 * a sub-interface. The containers are those of vlan.test.ts, whose networks are removed here. One story, in order.
 */
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import { addressOf, converged, docker, linksOf, ping, runContainer, slowness, tells, weft } from './story.ts'

/** Guest time from a NIC's return to a container that has its interface again, where nothing else uses the machine. */
const REPAIR_MS = 2_000

/** Does what `$1` says, then waits until a1 has an interface that is up with its default route; prints the milliseconds. */
const REPAIRED = `
netns=/proc/$2/ns/net
eval "$1"
began=$(date +%s%3N)
until [ -n "$(nsenter --net=$netns ip -o link show dev eth0 up 2> /dev/null)" ] &&
  [ -n "$(nsenter --net=$netns ip route show default)" ]; do sleep 0.2; done
echo $(($(date +%s%3N) - began))
`

describe.skipIf(inject('rigReason') !== '')('NICs under containers', () => {
  let rig: Rig
  let peer = ''
  let pid = ''
  const reachesSoon = () =>
    waitFor(async () => (await ping(rig.hosts[0], 'a1', peer, 1)).received === 1, {
      what: 'a1 to reach a2',
      timeoutMs: 30_000,
      intervalMs: 200,
    })
  /**
   * The change takes the container's interface and gives back what it stands on. Twice: what an emulated processor runs for the
   * first time it must translate, which takes it longer than the work.
   */
  const repairedAfter = async (change: string) => {
    const factor = await slowness(rig.hosts[0])
    const took: number[] = []
    for (const _ of ['first', 'second']) {
      took.push(Number(await rig.hosts[0].shell(REPAIRED, [change, pid], { timeoutMs: 60_000 })))
      await reachesSoon()
    }
    console.log(
      `repaired in ${took.join(' and ')} ms, on a machine ${factor.toFixed(1)} times as slow as alone: ${change}`,
    )
    expect(Math.min(...took)).toBeLessThan(REPAIR_MS * factor)
  }
  const sub = async (host: Machine, name: string) => (await linksOf(host)).find(({ ifname }) => ifname === name)

  beforeAll(async () => {
    rig = attach()
    const [first, second] = rig.hosts
    // vlan.test.ts leaves them; alone, this file makes them.
    if ((await docker(first, 'ps', '-q', '--filter', 'name=^a1$')) === '') {
      const options = ['-d', 'macvlan', '--subnet', '20.0.0.0/24', '-o', 'parent=eth1.100']
      await weft(rig.controller, 'network', 'create', ...options, 'mynet2')
      await Promise.all([runContainer(first, 'a1', 'mynet2'), runContainer(second, 'a2', 'mynet2')])
    }
    peer = await addressOf(second, 'a2', 'mynet2')
    pid = await docker(first, 'inspect', '--format', '{{.State.Pid}}', 'a1')
    await reachesSoon()
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('a sub-interface that somebody deletes is back, with the container’s interface', async () => {
    await repairedAfter('ip link del eth1.100')
  })

  it('a NIC that is down is told of; when it is up again so is all', async () => {
    const [first] = rig.hosts
    await first.must(['ip', 'link', 'set', 'eth1', 'down'])
    await tells(rig.controller, 'docker1', /eth1\.100.*its parent eth1 is down; set that up: ip link set eth1 up/)
    await first.must(['ip', 'link', 'set', 'eth1', 'up'])
    await reachesSoon()
    await repairedAfter('ip link set eth1 down; sleep 1; ip link set eth1 up')
    await converged(rig.controller, 2)
  })

  it('a NIC that disappears takes the containers’ interfaces along, and brings them back', async () => {
    const [first] = rig.hosts
    const device = (await first.shell('basename "$(readlink /sys/class/net/eth1/device)"')).trim()
    const drive = (verb: string) => `echo ${device} > /sys/bus/virtio/drivers/virtio_net/${verb}`
    await first.shell(drive('unbind'))
    await tells(rig.controller, 'docker1', /parent interface is missing on this host: eth1/)
    expect(await sub(first, 'eth1.100')).toBeUndefined()
    const returns = `${drive('bind')}; ip link set eth1 up`
    await first.shell(returns)
    await reachesSoon()
    await repairedAfter(`${drive('unbind')}; sleep 1; ${returns}`)
  })

  it('a NIC under another name: what stands on it goes on', async () => {
    const [first] = rig.hosts
    const rename = (from: string, to: string) =>
      first.shell('ip link set "$1" down; ip link set "$1" name "$2"; ip link set "$2" up', [from, to])
    await rename('eth1', 'wan9')
    await tells(rig.controller, 'docker1', /parent interface is missing on this host: eth1/)
    expect(await sub(first, 'eth1.100')).toMatchObject({ link: 'wan9' })
    await reachesSoon()
    await rename('wan9', 'eth1')
    await reachesSoon()
    await converged(rig.controller, 2)
    expect(await sub(first, 'eth1.100')).toMatchObject({ link: 'eth1', operstate: 'UP' })
  })

  it('removed networks take their sub-interfaces with them', async () => {
    const removed = await Promise.all(
      rig.hosts.map(async (host) => {
        const containers = (await docker(host, 'ps', '-aq', '--filter', 'name=^[ab][12]$')).split('\n')
        await docker(host, 'rm', '-f', ...containers)
        return await docker(host, 'network', 'ls', '-f', 'driver=weft', '--format', '{{.Name}}')
      }),
    )
    await weft(rig.controller, 'network', 'rm', ...new Set(removed.flatMap((names) => names.split('\n'))))
    await converged(rig.controller, 2)
    for (const host of rig.hosts) {
      expect((await linksOf(host)).filter(({ ifname }) => ifname.startsWith('eth1.'))).toEqual([])
      expect(await docker(host, 'network', 'ls', '-q', '-f', 'driver=weft')).toBe('')
    }
  })
})
