/**
 * `weft trace` in a lab: it says that a container reaches another exactly when it does, and when something is broken on
 * purpose, what, on which host, and what mends it (PAINS 30). Nothing of it is left behind.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { execIn } from '../../cli/src/lab/index.ts'
import { on, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import type { TraceView } from '../../shared/src/trace.ts'
import { eventually, useLab } from '../support/lab.ts'

const PORT_80 = ['--port', '80']

describe('trace', () => {
  const lab = useLab('trace')

  async function runContainer(host: string, name: string, network: string, ...more: string[]): Promise<void> {
    const argv = ['docker', 'run', '-d', '--name', name, '--network', network, '--cap-add', 'NET_ADMIN', 'busybox']
    await on(lab(), host, ...argv, ...(more.length > 0 ? more : ['sleep', '100000']))
  }

  beforeAll(async () => {
    for (const [name, subnet, ...flags] of [
      ['mynet', '10.60.0.0/24'],
      ['other', '10.61.0.0/24'],
      ['six', 'fd62::/64', '--ipv6'],
      ['wired', '10.63.0.0/24', '-d', 'macvlan', '-o', 'parent=eth0'],
      ['closed', '10.199.0.0/24', '--internal'],
    ] as const)
      await weft(lab(), 'network', 'create', ...flags, '--subnet', subnet, name)
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    await runContainer('docker1', 'web', 'mynet', 'httpd', '-f', '-h', '/etc')
    await runContainer('docker2', 'db', 'mynet', 'httpd', '-f', '-p', '127.0.0.1:90')
    await runContainer('docker1', 'near', 'mynet')
    await runContainer('docker2', 'lone', 'other')
    await runContainer('docker1', 'six1', 'six')
    await runContainer('docker2', 'six2', 'six')
    await runContainer('docker1', 'wired1', 'wired')
    await runContainer('docker2', 'wired2', 'wired')
    await runContainer('docker1', 'inner', 'closed')
  })

  async function trace(...args: string[]) {
    const { code, stdout, stderr } = await tryWeft(lab(), 'trace', '--format', 'json', ...args)
    expect(stderr).not.toContain('weft:')
    const { reached, findings } = JSON.parse(stdout) as TraceView
    expect(code).toBe(reached ? 0 : 7)
    const ill = findings.filter(({ severity }) => severity === 'error' || severity === 'warn')
    for (const { why, remedy } of ill) expect([why, remedy]).toEqual([expect.any(String), expect.any(String)])
    return {
      reached,
      checks: findings.map(({ check }) => check),
      ill: ill.map(({ check, measured }) => `${check}: ${measured}`),
    }
  }
  const pings = async (host: string, container: string, address: string) =>
    (await execIn(lab(), host, ['docker', 'exec', container, 'ping', '-c', '1', '-W', '2', address])).code === 0

  it('what reaches is told so: another host, the same one, IPv6, a wire, by name, id and address', async () => {
    expect(await trace('db', 'web', ...PORT_80)).toEqual({
      reached: true,
      checks: ['interface', 'interface', 'route', 'echo', 'tcp'],
      ill: [],
    })
    const id = await on(lab(), 'docker1', 'docker', 'inspect', '-f', '{{.Id}}', 'web')
    for (const [from, to] of [
      ['near', 'web'],
      ['web', 'docker2/db'],
      ['docker2/db', id.trim().slice(0, 12)],
      ['db', '10.60.0.2'],
      ['six1', 'six2'],
      ['wired1', 'wired2'],
    ] as const)
      expect(await trace(from, to), `${from} ${to}`).toMatchObject({ reached: true, ill: [] })
  })

  it('prints for people, what is wrong with what mends it', async () => {
    const { code, stdout, stderr } = await tryWeft(lab(), 'trace', 'web', 'db', ...PORT_80)
    expect(code).toBe(7)
    expect(stdout).toMatch(/^ok +echo +docker1 - docker2 +10\.60\.0\.3 answers echo requests \(ICMP\)$/m)
    expect(stdout).toMatch(/^error +tcp .*nobody in db listens on TCP port 80\n +why: .*\n +mend: /m)
    expect(stderr).toContain('web on docker1 does not reach db on docker2')
  })

  it('who listens on loopback alone', async () => {
    const { reached, ill } = await trace('web', 'db', '--port', '90')
    expect({ reached, ill }).toEqual({ reached: false, ill: ['tcp: db listens on TCP port 90 on 127.0.0.1 only'] })
  })

  it('networks apart; then a router between them', async () => {
    const apart = await trace('web', 'lone')
    expect(apart.ill).toEqual([
      'network: web on docker1 is on mynet, lone on docker2 on other, and no router joins them',
    ])
    await weft(lab(), 'router', 'create', 'r')
    for (const network of ['mynet', 'other']) await weft(lab(), 'router', 'connect', 'r', network)
    await eventually('the router leads there', 10_000, async () =>
      (await pings('docker1', 'web', '10.61.0.2')) ? true : undefined,
    )
    expect(await trace('web', 'lone')).toMatchObject({ reached: true, ill: [] })
    await weft(lab(), 'router', 'rm', 'r')
  })

  it('addresses that nobody has, and that nothing leads to', async () => {
    expect((await trace('web', '10.60.0.99')).ill).toEqual(['address: no container has 10.60.0.99 in network mynet'])
    expect((await trace('inner', '192.0.2.1')).ill).toEqual([
      expect.stringContaining('the networks of inner on docker1 have no way out: closed (internal)'),
    ])
  })

  it('a shut VXLAN port, on the host where it is shut', async () => {
    await on(
      lab(),
      'docker2',
      'nft',
      'table ip shut { chain in { type filter hook input priority -400; udp dport 4789 drop; }; }',
    )
    try {
      expect(await pings('docker1', 'web', '10.60.0.3')).toBe(false)
      const { reached, ill } = await trace('web', 'db')
      expect(reached).toBe(false)
      expect(ill).toEqual([
        'echo: no echo request to 10.60.0.3 comes to db',
        expect.stringMatching(/^udp-port: UDP 4789 from docker1 does not arrive at docker2/),
      ])
    } finally {
      await on(lab(), 'docker2', 'nft', 'delete', 'table', 'ip', 'shut')
    }
    expect(await trace('web', 'db')).toMatchObject({ reached: true, ill: [] })
  })

  it('a container that keeps silent, and one that only drops ICMP', async () => {
    const setting = ['sysctl', '-w', 'net.ipv4.icmp_echo_ignore_all=1'] as const
    const inWeb = async (...argv: string[]) => {
      const pid = (await on(lab(), 'docker1', 'docker', 'inspect', '-f', '{{.State.Pid}}', 'web')).trim()
      await on(lab(), 'docker1', 'nsenter', '-t', pid, '-n', ...argv)
    }
    await inWeb(...setting)
    try {
      const { reached, ill } = await trace('db', 'web')
      expect({ reached, ill }).toEqual({
        reached: false,
        ill: ['echo: echo requests come to web, and it does not answer'],
      })
      expect(await trace('db', 'web', ...PORT_80)).toMatchObject({
        reached: true,
        ill: [expect.stringContaining('echo: ')],
      })
    } finally {
      await inWeb('sysctl', '-w', 'net.ipv4.icmp_echo_ignore_all=0')
    }
  })

  it('a network that parts its containers, until it does not', async () => {
    await weft(lab(), 'network', 'update', '-o', 'icc=false', 'mynet')
    const { reached, ill } = await trace('web', 'db')
    expect({ reached, ill }).toEqual({
      reached: false,
      ill: ['policy: network mynet parts its containers from each other (icc=false)'],
    })
    await weft(lab(), 'network', 'update', '-o', 'icc=true', 'mynet')
    expect(await trace('web', 'db')).toMatchObject({ reached: true, ill: [] })
  })

  it('a container that does not run', async () => {
    await on(lab(), 'docker2', 'docker', 'stop', '-t', '0', 'db')
    await eventually('the controller knows that it stopped', 5_000, async () => {
      const { ill } = await trace('web', 'db')
      return ill[0] === 'container: db does not run on docker2' ? true : undefined
    })
  })

  it('who is not there, and what cannot be meant, is refused', async () => {
    const cases: readonly [args: string[], code: number, words: RegExp][] = [
      [['nobody', 'web'], 3, /no host has such a container: nobody/],
      [['docker9/web', 'web'], 3, /no such host: docker9/],
      [['web', 'web', '--port', '0'], 2, /--port/],
      [['web'], 2, /TO/],
    ]
    for (const [args, expected, words] of cases) {
      const { code, stderr } = await tryWeft(lab(), 'trace', ...args)
      expect(code).toBe(expected)
      expect(stderr).toMatch(words)
    }
  })
})
