/**
 * What happens to a host while containers stand on it. docker1's NIC goes down, disappears, comes back, gets another name;
 * somebody deletes a sub-interface; docker2 reboots meanwhile. The containers are those of vlan.test.ts, whose networks are
 * removed here; what docker1's have to reach is their gateway, a machine of the VLAN that knows nothing of Weft. One story,
 * in order.
 */
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import {
  addressOf,
  backWithAddress,
  converged,
  docker,
  linksOf,
  ping,
  runContainer,
  tells,
  weft,
  withSlowness,
} from './story.ts'

/** From a NIC's return to a container that has its interface again, where nothing else uses our processors. */
const REPAIR_MS = 2_000

/**
 * Does what `$1` says, then waits until process `$2` has a default route, which takes an interface that is up; prints the
 * milliseconds. Looks without starting a program: the agent would wait for the one processor meanwhile.
 */
const REPAIRED = `
has_route() {
  while read -r interface destination _; do
    if [ "$interface $destination" = 'eth0 00000000' ]; then return 0; fi
  done < "/proc/$1/net/route"
  return 1
}
exec {never}<> <(:)
eval "$1"
began=\${EPOCHREALTIME/.}
until has_route "$2"; do read -r -t 0.05 -u "$never" || true; done
echo $(((\${EPOCHREALTIME/.} - began) / 1000))
`
/** Of mynet2 in the guide. */
const GATEWAY = '20.0.0.1'
const NETWORKS = [
  { network: 'mynet2', letter: 'a' },
  { network: 'mynet3', letter: 'b' },
] as const

async function addressesOn(host: Machine): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const { network, letter } of NETWORKS) {
    const names = await docker(host, 'ps', '--filter', `name=^${letter}[12]$`, '--format', '{{.Names}}')
    if (names !== '') found.set(names, await addressOf(host, names, network))
  }
  return found
}

describe.skipIf(inject('rigReason') !== '')('NICs under containers', () => {
  let rig: Rig
  let pid = ''
  /** Address by container of the host that reboots. */
  let before = new Map<string, string>()
  /** Its verdict, or why it did not come back. */
  let rebooted: Promise<unknown> = Promise.resolve()
  const reachesSoon = () =>
    waitFor(async () => (await ping(rig.hosts[0], 'a1', GATEWAY, 1)).received === 1, {
      what: 'a1 to reach its gateway',
      timeoutMs: 30_000,
      intervalMs: 200,
    })
  /**
   * The change takes the container's interface and gives back what it stands on. Twice: what an emulated processor runs for the
   * first time it must translate, which takes it longer than the work.
   */
  const repairedAfter = async (change: string) => {
    const host = rig.hosts[0]
    const alone: number[] = []
    for (const _ of ['first', 'second']) {
      const repair = () => host.shell(REPAIRED, [change, pid], { timeoutMs: 60_000 })
      const { result, factor } = await withSlowness(host, repair)
      alone.push(Number(result) / factor)
      console.log(
        `repaired in ${result.trim()} ms, on a machine ${factor.toFixed(1)} times as slow as alone: ${change}`,
      )
      await reachesSoon()
    }
    expect(Math.min(...alone)).toBeLessThan(REPAIR_MS)
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
    pid = await docker(first, 'inspect', '--format', '{{.State.Pid}}', 'a1')
    before = await addressesOn(second)
    await rig.controller.shell(
      'ip link add link eth1 name eth1.100 type vlan id 100; ip address add "$1/24" dev eth1.100; ip link set eth1.100 up',
      [GATEWAY],
    )
    await reachesSoon()
    rebooted = second.reboot().catch((error: unknown) => error)
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(async () => {
    await rebooted
    await rig.controller.exec(['ip', 'link', 'del', 'eth1.100'])
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
    expect(await sub(first, 'eth1.100')).toMatchObject({ link: 'eth1', operstate: 'UP' })
  })

  it('the other host has rebooted meanwhile; all is back, and nobody did anything', async () => {
    const [first, second] = rig.hosts
    expect(await rebooted).toBe('running')
    expect(before.size).toBeGreaterThan(0)
    for (const [name, address] of before) {
      const { network = '' } = NETWORKS.find(({ letter }) => name.startsWith(letter)) ?? {}
      expect(await backWithAddress(second, name, network), name).toBe(address)
      expect((await ping(first, name.replace('2', '1'), address, 5)).received, name).toBeGreaterThanOrEqual(4)
    }
    await converged(rig.controller, 2)
  })

  it('removed networks take their sub-interfaces with them', async () => {
    const removed = await Promise.all(
      rig.hosts.map(async (host) => {
        const containers = (await docker(host, 'ps', '-aq', '--filter', 'name=^[ab][12]$')).split('\n')
        await docker(host, 'rm', '-f', ...containers)
        return await docker(host, 'network', 'ls', '-f', 'name=^mynet[23]$', '--format', '{{.Name}}')
      }),
    )
    await weft(rig.controller, 'network', 'rm', ...new Set(removed.flatMap((names) => names.split('\n'))))
    await converged(rig.controller, 2)
    for (const host of rig.hosts) {
      expect((await linksOf(host)).filter(({ ifname }) => ifname.startsWith('eth1.'))).toEqual([])
      expect(await docker(host, 'network', 'ls', '-q', '-f', 'name=^mynet[23]$')).toBe('')
    }
  })
})
