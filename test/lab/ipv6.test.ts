/** IPv6: alone and beside IPv4, on every driver that this kernel has, by address and by name (issue point 10). */
import { beforeAll, describe, expect, it } from 'vitest'
import { inspected, on, reaches, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

interface Kind {
  readonly name: string
  readonly subnet: string
  readonly flags: readonly string[]
  /** Where the second container runs. */
  readonly second: 'docker1' | 'docker2'
}

const KINDS: readonly Kind[] = [
  { name: 'six-overlay', subnet: 'fd61:0:0:1', flags: [], second: 'docker2' },
  { name: 'six-fast', subnet: 'fd61:0:0:2', flags: ['-o', 'attach=macvlan'], second: 'docker2' },
  { name: 'six-wire', subnet: 'fd61:0:0:3', flags: ['-d', 'macvlan', '-o', 'parent=eth0'], second: 'docker2' },
  { name: 'six-bridge', subnet: 'fd61:0:0:4', flags: ['-d', 'bridge'], second: 'docker1' },
]

/** A router's advertisement of a prefix (RFC 4861), every 20 ms for 4 s, from the link-local address of eth0. */
const ADVERTISE = `
import socket, struct, sys, time
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
index = socket.if_nametoindex('eth0')
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
prefix = socket.inet_pton(socket.AF_INET6, sys.argv[1])
packet = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 3600, 1800, 0) + prefix
end = time.time() + 4
while time.time() < end:
    s.sendto(packet, ('ff02::1', 0, 0, index))
    time.sleep(0.02)
`

describe('IPv6', () => {
  const lab = useLab('six')
  const exec = (host: string, container: string, ...argv: string[]) =>
    on(lab(), host, 'docker', 'exec', container, ...argv)
  const addresses = async (host: string, container: string) =>
    JSON.parse(await exec(host, container, 'ip', '-j', '-6', 'addr', 'show', 'dev', 'eth0')) as {
      addr_info: { local: string; scope: string; dynamic?: boolean; prefixlen: number }[]
    }[]

  beforeAll(async () => {
    for (const { name, subnet, flags } of KINDS)
      await weft(lab(), 'network', 'create', '--ipv4=false', '--subnet', `${subnet}::/64`, ...flags, name)
  }, 60_000)

  it.each(KINDS)('$name has no IPv4: ping, TCP and name across', async ({ name, subnet, second }) => {
    const asked = `${subnet}::77`
    await runContainer(lab(), 'docker1', `${name}-1`, name)
    await runContainer(lab(), second, `${name}-2`, name, '--ip6', asked)
    const own = (await inspected(lab(), 'docker1', `${name}-1`, name)).GlobalIPv6Address
    expect((await inspected(lab(), second, `${name}-2`, name)).GlobalIPv6Address).toBe(asked)
    expect(own.startsWith(`${subnet}:`)).toBe(true)
    await reaches(lab(), 'docker1', `${name}-1`, asked)
    await reaches(lab(), second, `${name}-2`, `${name}-1`)

    const serve =
      'head -c 4000000 /dev/urandom > /tmp/payload && busybox httpd -p 80 -h /tmp && sha256sum < /tmp/payload'
    const sent = await exec('docker1', `${name}-1`, 'sh', '-c', serve)
    const fetched = 'curl -sS --fail --max-time 20 "$0" | sha256sum'
    expect(await exec(second, `${name}-2`, 'sh', '-c', fetched, `http://[${own}]/payload`)).toBe(sent)
    expect(await exec(second, `${name}-2`, 'sh', '-c', fetched, `http://${name}-1/payload`)).toBe(sent)

    const [link] = await addresses('docker1', `${name}-1`)
    const global = link?.addr_info.filter(({ scope }) => scope === 'global') ?? []
    expect(global.map(({ local, dynamic }) => [local, dynamic ?? false])).toEqual([[own, false]])
    const routes4 = JSON.parse((await exec('docker1', `${name}-1`, 'ip', '-j', 'route', 'show', 'dev', 'eth0')) || '[]')
    expect(routes4).toEqual([])
  })

  it('a router on the wire advertises in vain: only the host hears it', async () => {
    const router = on(lab(), 'docker2', '/usr/bin/python3', '-c', ADVERTISE, 'fd99:0:0:1::')
    await runContainer(lab(), 'docker1', 'hears', 'six-wire')
    await router
    const host = await on(lab(), 'docker1', 'ip', '-6', 'addr', 'show', 'dev', 'eth0', 'dynamic')
    expect(host).toContain('fd99::1:')
    const [link] = await addresses('docker1', 'hears')
    expect(link?.addr_info.filter(({ scope }) => scope === 'global').length).toBe(1)
    expect(await exec('docker1', 'hears', 'ip', '-6', 'route', 'show', 'proto', 'ra')).toBe('')
    await on(lab(), 'docker1', 'docker', 'rm', '-f', 'hears')
  })

  it('endpoint ls shows no IPv4 of theirs, and removal gives everything back', async () => {
    const list = JSON.parse(await weft(lab(), 'endpoint', 'ls', '--format', 'json')) as {
      name: string
      addresses: string[]
    }[]
    const pairs = list.filter(({ name }) => name !== 'hears')
    expect(pairs.length).toBe(2 * KINDS.length)
    expect(pairs.flatMap(({ addresses }) => addresses).every((address) => address.includes(':'))).toBe(true)
    for (const { name, second } of KINDS) {
      await on(lab(), 'docker1', 'docker', 'rm', '-f', `${name}-1`)
      await on(lab(), second, 'docker', 'rm', '-f', `${name}-2`)
      await eventually(`${name} is removed`, 10_000, async () => {
        return (await tryWeft(lab(), 'network', 'rm', name)).code === 0 ? true : undefined
      })
    }
  })

  it('a second network does not take the default routes of the first', async () => {
    await weft(lab(), 'network', 'create', '--ipv6', '--subnet', '10.62.0.0/24', '--subnet', 'fd62::/64', 'first')
    await weft(lab(), 'network', 'create', '--ipv6', '--subnet', '10.63.0.0/24', '--subnet', 'fd63::/64', 'second')
    await runContainer(lab(), 'docker1', 'both', 'first')
    await runContainer(lab(), 'docker2', 'peer', 'second')
    const routes = async (family: string) =>
      (
        JSON.parse(await exec('docker1', 'both', 'ip', '-j', family, 'route', 'show', 'default')) as {
          gateway?: string
        }[]
      ).length
    const before = [await routes('-4'), await routes('-6')]
    await on(lab(), 'docker1', 'docker', 'network', 'connect', 'second', 'both')
    const { IPAddress, GlobalIPv6Address } = await inspected(lab(), 'docker2', 'peer', 'second')
    await reaches(lab(), 'docker1', 'both', IPAddress)
    await reaches(lab(), 'docker1', 'both', GlobalIPv6Address)
    expect([await routes('-4'), await routes('-6')]).toEqual(before)
  })

  it('--ipv4=false with an IPv4 subnet is refused by name', async () => {
    const { code, stderr } = await tryWeft(
      lab(),
      'network',
      'create',
      '--ipv4=false',
      '--subnet',
      '10.64.0.0/24',
      'odd',
    )
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining('10.64.0.0/24')])
    expect((await tryOn(lab(), 'docker1', 'docker', 'network', 'inspect', 'odd')).code).not.toBe(0)
  })
})
