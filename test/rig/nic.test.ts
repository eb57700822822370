/**
 * What happens to NICs while containers stand on them: two hosts that call the trunk differently, a NIC that goes down,
 * disappears, comes back, gets another name; a sub-interface that somebody deletes, and one that is an admin's own. The tests
 * are one story and run in order.
 */
import type { HostView, StatusView } from '@weft/shared'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import { addressOf, ask, converged, docker, linksOf, ping, runContainer, slowness, weft } from './story.ts'

/** Guest time from a NIC's return to a container that has its interface again, where nothing else uses the machine. */
const REPAIR_MS = 2_000
const NETWORK = 'trunked'

/** Does what `$1` says, then waits until n1 has an interface that is up with its default route; prints the milliseconds. */
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
  const reaches = async (name: string) => (await ping(rig.hosts[0], name, peer, 1)).received === 1
  const reachesSoon = (name = 'n1') =>
    waitFor(() => reaches(name), { what: `${name} to reach n2`, timeoutMs: 30_000, intervalMs: 200 })
  const problems = async (host: string) => {
    const { hosts } = await ask<StatusView>(rig.controller, '/v1/status')
    return hosts.find(({ id }) => id === host)?.problems.map(({ message }) => message) ?? []
  }
  const tells = (host: string, text: RegExp) =>
    waitFor(async () => (await problems(host)).some((message) => text.test(message)), {
      what: `${host} to tell ${text}`,
      timeoutMs: 60_000,
      intervalMs: 500,
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
    await second.shell('ip link set eth1 down; ip link set eth1 name ens7; ip link set ens7 up')
    const names = async () =>
      (await ask<HostView>(rig.controller, '/v1/hosts/docker2')).facts.interfaces.map(({ name }) => name)
    await waitFor(async () => (await names()).includes('ens7'), {
      what: 'docker2 to tell of ens7',
      timeoutMs: 60_000,
      intervalMs: 500,
    })
    await weft(rig.controller, 'uplink', 'set', 'trunk', 'docker1=eth1', 'docker2=ens7')
    const options = ['-d', 'macvlan', '--subnet', '10.150.0.0/24', '-o', 'parent=@trunk.150', NETWORK]
    await weft(rig.controller, 'network', 'create', ...options)
    await converged(rig.controller, 2)
    await Promise.all([runContainer(first, 'n1', NETWORK), runContainer(second, 'n2', NETWORK)])
    peer = await addressOf(second, 'n2', NETWORK)
    pid = await docker(first, 'inspect', '--format', '{{.State.Pid}}', 'n1')
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('each host has the VLAN on the NIC that it calls its own', async () => {
    await reachesSoon()
    expect(await sub(rig.hosts[0], 'eth1.150')).toMatchObject({ link: 'eth1', operstate: 'UP' })
    expect(await sub(rig.hosts[1], 'ens7.150')).toMatchObject({ link: 'ens7', operstate: 'UP' })
  })

  it('a sub-interface that somebody deletes is back, with the container’s interface', async () => {
    await repairedAfter('ip link del eth1.150')
  })

  it('a NIC that is down is told of; when it is up again so is all', async () => {
    const [first] = rig.hosts
    await first.must(['ip', 'link', 'set', 'eth1', 'down'])
    await tells('docker1', /eth1\.150.*its parent eth1 is down; set that up: ip link set eth1 up/)
    await first.must(['ip', 'link', 'set', 'eth1', 'up'])
    await reachesSoon()
    await repairedAfter('ip link set eth1 down; sleep 1; ip link set eth1 up')
    expect(await problems('docker1')).toEqual([])
  })

  it('a NIC that disappears takes the containers’ interfaces along, and brings them back', async () => {
    const [first] = rig.hosts
    const device = (await first.shell('basename "$(readlink /sys/class/net/eth1/device)"')).trim()
    const drive = (verb: string) => `echo ${device} > /sys/bus/virtio/drivers/virtio_net/${verb}`
    await first.shell(drive('unbind'))
    await tells('docker1', /parent interface is missing on this host: eth1/)
    expect(await sub(first, 'eth1.150')).toBeUndefined()
    const returns = `${drive('bind')}; ip link set eth1 up`
    await first.shell(returns)
    await reachesSoon()
    await repairedAfter(`${drive('unbind')}; sleep 1; ${returns}`)
  })

  it('a NIC under another name: what stands on it goes on, and follows the uplink', async () => {
    const [first] = rig.hosts
    const rename = (from: string, to: string) =>
      first.shell('ip link set "$1" down; ip link set "$1" name "$2"; ip link set "$2" up', [from, to])
    await rename('eth1', 'wan9')
    await tells('docker1', /parent interface is missing on this host: eth1/)
    expect(await sub(first, 'eth1.150')).toMatchObject({ link: 'wan9' })
    await reachesSoon()
    await weft(rig.controller, 'uplink', 'set', 'trunk', 'docker1=wan9')
    await waitFor(async () => (await sub(first, 'wan9.150')) !== undefined, {
      what: 'the VLAN to have its new name',
      timeoutMs: 30_000,
      intervalMs: 500,
    })
    expect(await sub(first, 'eth1.150')).toBeUndefined()
    await reachesSoon()
    await rename('wan9', 'eth1')
    await tells('docker1', /parent interface is missing on this host: wan9/)
    await weft(rig.controller, 'uplink', 'set', 'trunk', 'docker1=eth1')
    await waitFor(async () => (await sub(first, 'eth1.150')) !== undefined, {
      what: 'the VLAN to have its first name',
      timeoutMs: 30_000,
      intervalMs: 500,
    })
    await reachesSoon()
  })

  it('an admin’s sub-interface is used as it is, and outlives the network', async () => {
    const [first] = rig.hosts
    await first.shell('ip link add link eth1 name eth1.160 type vlan id 160; ip link set eth1.160 up')
    const before = await sub(first, 'eth1.160')
    const options = ['-d', 'macvlan', '--subnet', '10.160.0.0/24', '-o', 'parent=eth1.160', '--no-wait', 'admins']
    // docker2 has no eth1: it says so, and the other host has its network.
    await weft(rig.controller, 'network', 'create', ...options)
    await tells('docker2', /network admins: parent interface is missing on this host: eth1/)
    await runContainer(first, 'n3', 'admins')
    expect(await addressOf(first, 'n3', 'admins')).toBe('10.160.0.2')
    expect((await sub(first, 'eth1.160'))?.group).toBe('default')
    await docker(first, 'rm', '-f', 'n3')
    await weft(rig.controller, 'network', 'rm', 'admins')
    await waitFor(async () => (await docker(first, 'network', 'ls', '-q', '-f', 'name=admins')) === '', {
      what: 'the network to be gone from docker1',
      timeoutMs: 60_000,
      intervalMs: 500,
    })
    expect(await sub(first, 'eth1.160')).toEqual(before)
    await first.must(['ip', 'link', 'del', 'eth1.160'])
  })

  it('with the network go the sub-interfaces that were made for it', async () => {
    const [first, second] = rig.hosts
    await Promise.all([docker(first, 'rm', '-f', 'n1'), docker(second, 'rm', '-f', 'n2')])
    await weft(rig.controller, 'network', 'rm', NETWORK)
    await weft(rig.controller, 'uplink', 'unset', 'trunk')
    await converged(rig.controller, 2)
    expect(await sub(first, 'eth1.150')).toBeUndefined()
    expect(await sub(second, 'ens7.150')).toBeUndefined()
    await second.shell('ip link set ens7 down; ip link set ens7 name eth1; ip link set eth1 up')
  })
})
