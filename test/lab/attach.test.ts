/**
 * Namespaces that Docker does not wire as endpoints (issue 4 point 8): real packets, names on other hosts, kept through an
 * agent's restart and against somebody's hand, gone with the namespace.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { daemonPid, execIn, findHost, startAgent, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, pings, reaches, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const NET = 'wire'
const LAN = 'lan'

interface Endpoint {
  readonly uid: string
  readonly name?: string
  readonly host: string
  readonly addresses: readonly string[]
  readonly state: string
}

describe('attaching namespaces', () => {
  const lab = useLab('attach')
  const docker1 = (...argv: string[]) => on(lab(), 'docker1', 'docker', ...argv)
  const docker2 = (...argv: string[]) => on(lab(), 'docker2', 'docker', ...argv)
  const attach = (...args: string[]) => weft(lab(), 'attach', ...args)
  const endpoints = async (network = NET) =>
    JSON.parse(await weft(lab(), 'endpoint', 'ls', '--network', network, '--format', 'json')) as Endpoint[]
  const find = async (uid: string, network = NET) => (await endpoints(network)).find((each) => each.uid === uid)
  const quiet = (name: string, ...flags: string[]) =>
    docker1('run', '-d', '--name', name, '--network', 'none', ...flags, 'weft/tools', 'sleep', '3600')
  const pidOf = (name: string) => docker1('inspect', '-f', '{{.State.Pid}}', name)
  const isGone = (what: string, uid: string, network = NET) =>
    eventually(`${what} is gone`, 10_000, async () => ((await find(uid, network)) === undefined ? true : undefined))
  const inBlue = (...argv: string[]) => on(lab(), 'docker1', 'ip', 'netns', 'exec', 'blue', ...argv)
  let peer = ''

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.91.0.0/24', '--subnet', 'fd91::/64', '--ipv6', NET)
    const macvlan = ['-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.92.0.0/24', '--gateway', '10.92.0.1']
    await weft(lab(), 'network', 'create', ...macvlan, LAN)
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    await runContainer(lab(), 'docker2', 'peer', NET)
    peer = (await inspected(lab(), 'docker2', 'peer', NET)).IPAddress
  }, 60_000)

  it('wires a container of --network none, as asked, with names both ways, and its joined containers', async () => {
    await quiet('none1', '--dns', '127.0.0.11')
    const mac = '02:00:00:00:ab:01'
    const wish = ['--ip', '10.91.0.50', '--ip6', 'fd91::50', '--mac', mac, '--alias', 'still', '--ifname', 'lan0']
    const uid = await attach(NET, '--container', 'none1', '--host', 'docker1', ...wish)
    expect(await find(uid)).toMatchObject({ name: 'none1', host: 'docker1', state: 'attached' })
    const [link] = JSON.parse(await docker1('exec', 'none1', 'ip', '-j', 'link', 'show', 'lan0')) as {
      address: string
    }[]
    expect(link?.address).toBe(mac)
    await reaches(lab(), 'docker1', 'none1', peer)
    await reaches(lab(), 'docker2', 'peer', '10.91.0.50')
    await reaches(lab(), 'docker2', 'peer', 'fd91::50')
    for (const name of ['none1', 'still', `none1.${NET}`])
      await eventually(`${name} is heard`, 2_000, async () => {
        const found = await docker2('exec', 'peer', 'dig', '+short', '+time=1', '+tries=1', name)
        return found === '10.91.0.50' ? true : undefined
      })
    await eventually('it hears of peer by the resolver that its container has', 3_000, async () =>
      (await pings(lab(), 'docker1', 'none1', 'peer', '-4')) ? true : undefined,
    )
    await docker1('run', '-d', '--name', 'joined', '--network', 'container:none1', 'weft/tools', 'sleep', '3600')
    expect(await pings(lab(), 'docker1', 'joined', peer)).toBe(true)
    expect((await weft(lab(), 'status')).toLowerCase()).not.toContain('problem')
  })

  it('keeps it through a restart of the agent, and against somebody’s hand', async () => {
    const host = findHost(lab(), 'docker1')
    await stopProgram(host)
    expect(await pings(lab(), 'docker1', 'none1', peer)).toBe(true)
    await startAgent(lab().layout, host)
    const pid = await pidOf('none1')
    const ns = (...argv: string[]) => on(lab(), 'docker1', 'nsenter', '-t', pid, '-n', ...argv)
    await eventually('the agent is back', 10_000, async () => {
      const status = await weft(lab(), 'status', '--format', 'json')
      return daemonPid(host, 'agent') !== undefined && status.includes('docker1') ? true : undefined
    })
    await ns('ip', 'addr', 'del', '10.91.0.50/24', 'dev', 'lan0')
    await reaches(lab(), 'docker1', 'none1', peer)
    await ns('ip', 'link', 'del', 'lan0')
    await eventually('the interface is back', 10_000, async () =>
      (await tryOn(lab(), 'docker1', 'nsenter', '-t', pid, '-n', 'ping', '-c', '1', '-W', '1', peer)).code === 0
        ? true
        : undefined,
    )
  })

  it('ends with the last process in the namespace, and not before', async () => {
    const uid = (await endpoints()).find(({ name }) => name === 'none1')?.uid ?? ''
    await docker1('rm', '-f', 'none1')
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect(await find(uid)).toBeDefined()
    expect(await pings(lab(), 'docker1', 'joined', peer)).toBe(true)
    await docker1('rm', '-f', 'joined')
    await isGone('the endpoint', uid)
    const ports = await on(lab(), 'docker1', 'ip', '-n', 'weft', '-j', 'link', 'show', 'type', 'veth')
    expect((JSON.parse(ports) as { ifalias?: string }[]).filter(({ ifalias }) => ifalias?.endsWith('/none1'))).toEqual(
      [],
    )
  })

  it('wires a namespace of ip netns, on several networks, with a default route, and lets it go', async () => {
    await on(lab(), 'docker1', 'ip', 'netns', 'add', 'blue')
    await inBlue('ip', 'link', 'set', 'lo', 'up')
    const first = await attach(NET, '--netns', 'blue', '--host', 'docker1', '--name', 'blue')
    const second = await attach(LAN, '--netns', '/run/netns/blue', '--host', 'docker1', '--name', 'blue')
    await eventually('blue reaches peer', 10_000, async () =>
      (await tryOn(lab(), 'docker1', 'ip', 'netns', 'exec', 'blue', 'ping', '-c', '2', '-W', '2', peer)).code === 0
        ? true
        : undefined,
    )
    const routes = JSON.parse(await inBlue('ip', '-j', 'route', 'show', 'default')) as object[]
    expect(routes).toMatchObject([{ gateway: '10.92.0.1', dev: 'eth1' }])
    expect(await inBlue('dig', '@127.0.0.11', '+short', '+time=1', '+tries=2', 'peer')).toBe(peer)
    await weft(lab(), 'detach', first, second)
    await isGone('the overlay endpoint', first)
    await isGone('the macvlan endpoint', second, LAN)
    const left = JSON.parse(await inBlue('ip', '-j', 'link')) as { ifname: string }[]
    expect(left.map(({ ifname }) => ifname)).toEqual(['lo'])
    expect(
      (await execIn(lab(), 'docker1', ['ip', 'netns', 'exec', 'blue', 'ping', '-c', '1', '-W', '1', peer])).code,
    ).not.toBe(0)
  })

  it('wires what a process is in, and ends with it; another namespace of the same name is not taken for it', async () => {
    await quiet('proc')
    const byPid = await attach(LAN, '--pid', await pidOf('proc'), '--host', 'docker1', '--name', 'proc')
    expect((await find(byPid, LAN))?.addresses).toHaveLength(1)
    await docker1('rm', '-f', 'proc')
    await isGone('the endpoint of the process', byPid, LAN)

    const byName = await attach(NET, '--netns', 'blue', '--host', 'docker1', '--name', 'blue')
    await on(lab(), 'docker1', 'sh', '-c', 'ip netns del blue && ip netns add blue')
    await isGone('the endpoint of the first blue', byName)
    expect((JSON.parse(await inBlue('ip', '-j', 'link')) as object[]).length).toBe(1)
  })

  describe('refuses, and leaves nothing behind:', () => {
    const all = async () =>
      (JSON.parse(await weft(lab(), 'endpoint', 'ls', '--format', 'json')) as Endpoint[]).map(({ uid }) => uid).sort()
    let before: string[] = []

    beforeAll(async () => {
      await quiet('busy')
      await quiet('idle')
      await docker1('stop', '-t', '0', 'idle')
      await docker1('run', '-d', '--name', 'hosted', '--network', 'host', 'weft/tools', 'sleep', '3600')
      await attach(NET, '--container', 'busy', '--host', 'docker1', '--ip', '10.91.0.99')
      before = await all()
    }, 30_000)

    it.each<[string, number, string[], string[]]>([
      ['a container in host mode', 2, [NET, '--container', 'hosted'], ['container hosted', '--network none']],
      ['a container that there is not', 3, [NET, '--container', 'nobody'], ['nobody']],
      ['a container that is stopped', 4, [NET, '--container', 'idle'], ['idle', 'docker start idle']],
      ['a process that there is not', 3, [NET, '--pid', '4194303'], ['4194303']],
      ['a file that is no namespace', 3, [NET, '--netns', '/etc/hostname'], ['/etc/hostname']],
      ['no namespace', 2, [NET], ['--pid, --netns and --container']],
      ['two namespaces', 2, [NET, '--pid', '1', '--netns', 'blue'], ['--pid and --netns']],
      [
        'an address of another network',
        2,
        [NET, '--container', 'busy', '--ip', '10.99.0.1'],
        ['10.99.0.1', '10.91.0.0/24'],
      ],
      ['an address that is held', 4, [NET, '--container', 'busy', '--ip', '10.91.0.99'], ['10.91.0.99', 'busy']],
      ['an interface name that is taken', 4, [LAN, '--container', 'busy', '--ifname', 'eth0'], ['eth0', '--ifname']],
      ['a namespace that is on the network', 4, [NET, '--container', 'busy'], ['10.91.0.99', 'weft detach']],
    ])('%s', async (_, expected, args, words) => {
      const { code, stderr } = await tryWeft(lab(), 'attach', ...args, '--host', 'docker1')
      expect(code, stderr).toBe(expected)
      for (const word of words) expect(stderr).toContain(word)
    })

    it('no endpoint is left of any', async () => {
      expect(await all()).toEqual(before)
    })
  })

  it('refuses to detach what Docker made, and to guess the host', async () => {
    const detached = await tryWeft(lab(), 'detach', 'peer')
    expect(detached.code).toBe(2)
    expect(detached.stderr).toContain('weft network disconnect')
    const hostless = await tryWeft(lab(), 'attach', NET, '--container', 'busy')
    expect(hostless.code).toBe(2)
    expect(hostless.stderr).toContain('--host')
  })
})
