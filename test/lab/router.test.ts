/**
 * Routers (issue 4 point 6): networks of any driver reach each other through a host that Weft chooses, across hosts, and only
 * those that were connected; removing it isolates again.
 */
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { execIn, findHost, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const WITHIN_MS = 6_000

interface Router {
  readonly host: string
  readonly generation: number
  readonly legs: readonly { readonly network: { readonly name: string }; readonly addresses: readonly string[] }[]
  readonly pairs: readonly (readonly [string, string])[]
}

describe('router', () => {
  const lab = useLab('router', { hosts: 3 })

  const NETWORKS = {
    over: ['-d', 'overlay', '--ipv6', '--subnet', '10.80.0.0/24', '--subnet', 'fd80::/64'],
    sealed: [
      '-d',
      'overlay',
      '-o',
      'egress=none',
      '-o',
      'attach=macvlan',
      '--ipv6',
      '--subnet',
      '10.81.0.0/24',
      '--subnet',
      'fd81::/64',
    ],
    wire: ['-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.82.0.0/24'],
    apart: ['-d', 'overlay', '--subnet', '10.83.0.0/24'],
  } as const
  /** Where each network's container is. */
  const PLACES = { over: 'docker2', sealed: 'docker3', wire: 'docker3', apart: 'docker2' } as const
  type Net = keyof typeof NETWORKS

  const inspect = async (): Promise<Router> =>
    (JSON.parse(await weft(lab(), 'router', 'inspect', 'r1')) as Router[])[0] as Router
  const addressOf = async (network: Net, key: 'IPAddress' | 'GlobalIPv6Address' = 'IPAddress') =>
    (await inspected(lab(), PLACES[network], network, network))[key]
  const ping = async (from: Net, to: string): Promise<boolean> =>
    (await tryOn(lab(), PLACES[from], 'docker', 'exec', from, 'ping', '-c', '1', '-W', '1', to)).code === 0
  const reaches = (from: Net, to: string, withinMs = WITHIN_MS) =>
    eventually(`${from} reaches ${to}`, withinMs, async () => ((await ping(from, to)) ? true : undefined))

  beforeAll(async () => {
    for (const [name, flags] of Object.entries(NETWORKS)) await weft(lab(), 'network', 'create', ...flags, name)
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    for (const [network, host] of Object.entries(PLACES)) await runContainer(lab(), host, network, network)
  }, 120_000)

  it('networks are apart before', async () => {
    expect(await ping('over', await addressOf('wire'))).toBe(false)
    expect(await ping('over', await addressOf('sealed'))).toBe(false)
  })

  it('overlay and macvlan reach each other across three hosts, both ways, IPv6 too', async () => {
    await weft(lab(), 'router', 'create', '--host', 'docker1', 'r1')
    await weft(lab(), 'router', 'connect', 'r1', 'over', 'sealed', 'wire')
    await reaches('over', await addressOf('wire'))
    await reaches('wire', await addressOf('over'))
    await reaches('sealed', await addressOf('wire'))
    await reaches('wire', await addressOf('sealed'))
    await reaches('over', await addressOf('sealed', 'GlobalIPv6Address'))
    await reaches('sealed', await addressOf('over', 'GlobalIPv6Address'))
  })

  it('nothing is translated: TCP comes from the container’s own address', async () => {
    const serve = 'mkdir -p /w && head -c 300000 /dev/zero > /w/f && exec busybox httpd -f -vv -p 80 -h /w 2> /w/log'
    await on(lab(), PLACES.wire, 'docker', 'exec', '-d', 'wire', 'sh', '-c', serve)
    const url = `http://${await addressOf('wire')}/f`
    await eventually('300 kB through the router', 5_000, async () => {
      const argv = ['docker', 'exec', 'over', 'sh', '-c', `curl -s -m 3 ${url} | wc -c`]
      return (await tryOn(lab(), PLACES.over, ...argv)).stdout.trim() === '300000' ? true : undefined
    })
    expect(await on(lab(), PLACES.wire, 'docker', 'exec', 'wire', 'cat', '/w/log')).toContain(await addressOf('over'))
  })

  it('says who carries it, its addresses, and the pairs that it allows', async () => {
    const { host, generation, legs, pairs } = await inspect()
    expect({ host, generation }).toEqual({ host: 'docker1', generation: 1 })
    expect(pairs).toEqual([
      ['over', 'sealed'],
      ['over', 'wire'],
      ['sealed', 'wire'],
    ])
    const addressesIn = (name: Net) => legs.find(({ network }) => network.name === name)?.addresses
    // Nobody else can be the gateway of a network without a wire; on a wire somebody may.
    expect(addressesIn('sealed')).toEqual(['10.81.0.1', 'fd81::1'])
    expect(addressesIn('wire')).not.toEqual(['10.82.0.1'])
    expect(await weft(lab(), 'endpoint', 'ls', '--network', 'wire')).toContain('router r1')
  })

  it('networks that it does not connect stay apart', async () => {
    expect(await ping('apart', await addressOf('over'))).toBe(false)
    expect(await ping('over', await addressOf('apart'))).toBe(false)
  })

  it('a network that it connects cannot be removed under it, and a deaf one cannot be connected', async () => {
    const plain = await tryWeft(lab(), 'network', 'rm', 'wire')
    expect(plain.code).toBe(4)
    await weft(lab(), 'network', 'create', '-d', 'bridge', '--subnet', '10.84.0.0/24', 'lone')
    const { code, stderr } = await tryWeft(lab(), 'router', 'connect', 'r1', 'lone')
    expect(code).toBe(2)
    expect(stderr).toContain('each host has a part of it to itself')
  })

  it('a subnet that comes later is reached by running containers, beside them and beyond the router', async () => {
    await weft(lab(), 'network', 'update', '--subnet', '10.85.0.0/24', 'over')
    await weft(lab(), 'ip', 'reserve', 'over', 'later', '10.85.0.9')
    await runContainer(lab(), 'docker1', 'later', 'over')
    await reaches('over', '10.85.0.9')
    await reaches('wire', '10.85.0.9')
    const route = await on(lab(), PLACES.over, 'docker', 'exec', 'over', 'ip', 'route', 'get', '10.85.0.9')
    expect(route).not.toContain('via')
    await reaches('over', await addressOf('wire'))
    await on(lab(), 'docker1', 'docker', 'rm', '-f', 'later')
  }, 60_000)

  it('a leg or the whole namespace that somebody deletes is back within 2 s', async () => {
    const netns =
      (await on(lab(), 'docker1', 'ip', 'netns', 'list')).split(/\s+/).find((name) => name.startsWith('weft-r-')) ?? ''
    const links = JSON.parse(await on(lab(), 'docker1', 'ip', '-n', netns, '-j', 'link')) as { ifname: string }[]
    const leg = links.find(({ ifname }) => ifname.startsWith('wfl'))?.ifname ?? ''
    await on(lab(), 'docker1', 'ip', '-n', netns, 'link', 'delete', 'dev', leg)
    await reaches('over', await addressOf('wire'), 2_500)
    await on(lab(), 'docker1', 'ip', 'netns', 'delete', netns)
    await reaches('wire', await addressOf('over'), 5_000)
  })

  it('an admin moves it, and a host that leaves hands it over', async () => {
    expect(await weft(lab(), 'router', 'move', 'r1', 'docker3')).toBe('docker3')
    await reaches('over', await addressOf('wire'))
    await weft(lab(), 'router', 'move', 'r1', 'docker1')
    await reaches('over', await addressOf('wire'))
    const docker1 = findHost(lab(), 'docker1')
    await stopProgram(docker1)
    const config = path.join(docker1.folder, 'etc/agent.json')
    const left = await execIn(lab(), 'docker1', ['weft', 'leave', '--config', config])
    expect(left).toMatchObject({ code: 0, stderr: expect.stringContaining('removed: weft-r-') })
    expect((await inspect()).host).not.toBe('docker1')
    await reaches('over', await addressOf('wire'))
    await reaches('wire', await addressOf('over'))
    expect(await on(lab(), 'docker1', 'ip', 'netns', 'list')).not.toContain('weft-r-')
  })

  it('disconnecting parts one network, removing all, and the containers’ routes go', async () => {
    await weft(lab(), 'router', 'disconnect', '--no-wait', 'r1', 'sealed')
    const parted = async (from: Net, to: string) =>
      eventually(`${from} is parted from ${to}`, WITHIN_MS, async () => ((await ping(from, to)) ? undefined : true))
    await parted('over', await addressOf('sealed'))
    expect(await ping('over', await addressOf('wire'))).toBe(true)
    await weft(lab(), 'router', 'rm', '--no-wait', 'r1')
    await parted('over', await addressOf('wire'))
    await parted('wire', await addressOf('over'))
    await eventually('routes are gone', WITHIN_MS, async () =>
      (await on(lab(), PLACES.over, 'docker', 'exec', 'over', 'ip', 'route')).includes('10.82.0.0') ? undefined : true,
    )
    expect(await on(lab(), 'docker1', 'ip', 'netns', 'list')).not.toContain('weft-r-')
  })
})
