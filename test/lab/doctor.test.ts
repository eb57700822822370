/**
 * `weft doctor` in a lab: nothing is wrong with a healthy one, and what is broken on purpose is found, on the right hosts
 * and with the remedy (issue 3, point 8). Every probe is gone afterwards.
 */
import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { execIn, findHost, startAgent, stopProgram } from '../../cli/src/lab/index.ts'
import { on, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import type { DoctorFinding } from '../../shared/src/doctor.ts'
import { eventually, useLab } from '../support/lab.ts'

const MOST_MS = 15_000
const HOSTS = ['docker1', 'docker2']

describe('doctor', () => {
  const lab = useLab('doctor')

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.44.0.0/24', 'mynet')
    await weft(lab(), 'network', 'create', '-d', 'macvlan', '--subnet', '10.45.0.0/24', '-o', 'parent=eth0', 'wired')
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
  })

  async function examine(...args: string[]) {
    const began = performance.now()
    const { code, stdout, stderr } = await tryWeft(lab(), 'doctor', '--format', 'json', ...args)
    expect(stderr).not.toContain('weft:')
    expect(performance.now() - began).toBeLessThan(MOST_MS)
    return { code, findings: JSON.parse(stdout) as DoctorFinding[] }
  }
  const errors = (findings: readonly DoctorFinding[]) => findings.filter(({ severity }) => severity === 'error')
  const of = (findings: readonly DoctorFinding[], check: string) => findings.filter((each) => each.check === check)

  /** Runs the doctor with something broken, and mends it whatever comes. */
  async function whileBroken<T>(host: string, wrong: string[], right: string[], body: () => Promise<T>): Promise<T> {
    await on(lab(), host, ...wrong)
    try {
      return await body()
    } finally {
      await on(lab(), host, ...right)
    }
  }

  async function expectNothingLeft(): Promise<void> {
    for (const host of HOSTS) {
      expect(await on(lab(), host, 'ip', '-o', 'link')).not.toContain('wfd')
      // The namespaces live as long as these.
      expect((await execIn(lab(), host, ['pgrep', '-f', 'pair/talk|cat /proc/self/stat'])).stdout).toBe('')
      // The kernel takes a namespace's links away a little after the namespace has ended.
      await eventually(`ports of probes are gone from ${host}`, 5_000, async () =>
        (await on(lab(), host, 'ip', '-n', 'weft', '-o', 'link')).includes('wfd') ? undefined : true,
      )
    }
  }

  it('finds nothing wrong with a healthy lab, in the time it may take, and leaves nothing', async () => {
    const { code, findings } = await examine()
    expect(errors(findings)).toEqual([])
    expect(code).toBe(0)
    for (const check of ['docker', 'plugin', 'intent', 'routes', 'identity', 'netfilter', 'clock'])
      expect(of(findings, check), check).toMatchObject([{ severity: 'ok' }, { severity: 'ok' }])
    const pair = { severity: 'ok', hosts: ['docker1', 'docker2'] }
    for (const check of ['udp-port', 'path-mtu', 'offload', 'wire'])
      expect(of(findings, check), check).toMatchObject([pair])
    expect(of(findings, 'path-mtu')[0]?.measured).toContain('1500 bytes pass')
    expect(of(findings, 'offload')[0]?.measured).toContain('1048576 bytes')
    await expectNothingLeft()
  })

  it('examines what is named, prints for people, and knows who is not there', async () => {
    const text = await weft(lab(), 'doctor', 'docker2')
    expect(text).toMatch(/^RESULT +CHECK +ON +MEASURED/)
    expect(text).toMatch(/^ok +plugin +docker2 +\S+weft.sock answers/m)
    expect(text).toMatch(/^ok +udp-port +docker1 - docker2 /m)
    expect(text).not.toMatch(/^\S+ +plugin +docker1/m)
    expect((await tryWeft(lab(), 'doctor', 'docker9')).code).toBe(3)
  })

  it('names the pair that limits the MTU, and the network that it harms', async () => {
    const port = (mtu: string) =>
      execFileSync('ip', ['-n', lab().layout.switchNetns, 'link', 'set', 'dev', 'docker2', 'mtu', mtu])
    port('1400')
    // A bridge lets four bytes more through, for a VLAN tag (is_skb_forwardable).
    try {
      const { code, findings } = await examine()
      expect(code).toBe(7)
      const [finding] = errors(findings)
      expect(errors(findings)).toHaveLength(1)
      expect(finding).toMatchObject({ check: 'path-mtu', hosts: ['docker1', 'docker2'] })
      expect(finding?.measured).toContain('1404 bytes pass between docker1 and docker2')
      expect(finding?.measured).toContain('network mynet sends 1500')
      expect(finding?.remedy).toContain('-o mtu=1354 mynet')
      // A network made now goes by what was measured, and says which pair it is.
      const made = await tryWeft(lab(), 'network', 'create', '--subnet', '10.77.9.0/24', 'narrow')
      expect(made).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('path between docker1 and docker2 carries 1404'),
      })
      expect((await tryWeft(lab(), 'network', 'inspect', 'narrow')).stdout).toMatch(/"mtu": "?1354/i)
      await tryWeft(lab(), 'network', 'rm', 'narrow')
    } finally {
      port('1500')
    }
    expect(of((await examine()).findings, 'path-mtu')[0]?.severity).toBe('ok')
  })

  it('tells which way the VXLAN port is shut', async () => {
    const rules = 'table inet shut { chain in { type filter hook input priority 0; udp dport 4789 drop; }; }\n'
    expect(await execIn(lab(), 'docker2', ['nft', '-f', '-'], { input: rules })).toMatchObject({ code: 0 })
    try {
      const { code, findings } = await examine()
      expect(code).toBe(7)
      const [finding] = of(findings, 'udp-port')
      expect(finding).toMatchObject({ severity: 'error', hosts: ['docker1', 'docker2'] })
      expect(finding?.measured).toContain('UDP 4789 from docker1 does not arrive at docker2')
      expect(finding?.remedy).toContain('on docker2: nft list ruleset')
      expect(of(findings, 'offload')).toMatchObject([{ severity: 'skipped' }])
      expect(of(findings, 'wire')).toMatchObject([{ severity: 'ok' }])
    } finally {
      await on(lab(), 'docker2', 'nft', 'delete', 'table', 'inet', 'shut')
    }
    await expectNothingLeft()
  })

  it('finds a route that came after the network', async () => {
    const route = ['10.44.0.128/25', 'dev', 'eth0']
    await whileBroken('docker1', ['ip', 'route', 'add', ...route], ['ip', 'route', 'del', ...route], async () => {
      const { code, findings } = await examine('docker1')
      expect(code).toBe(7)
      expect(errors(findings)).toMatchObject([{ check: 'routes', hosts: ['docker1'] }])
      expect(errors(findings)[0]?.measured).toContain('10.44.0.128/25 on eth0 overlaps 10.44.0.0/24 of network mynet')
      expect(errors(findings)[0]?.remedy).toContain('ip route del 10.44.0.128/25 dev eth0')
    })
  })

  it('finds a plugin socket that is gone', async () => {
    const [socket, aside] = ['/run/docker/plugins/weft.sock', '/run/docker/plugins/aside']
    await whileBroken('docker2', ['mv', socket, aside], ['mv', aside, socket], async () => {
      const { code, findings } = await examine('docker2')
      expect(code).toBe(7)
      expect(errors(findings)).toMatchObject([{ check: 'plugin', hosts: ['docker2'] }])
      expect(errors(findings)[0]?.remedy).toContain('systemctl restart weft-agent.socket')
    })
    expect((await examine('docker2')).code).toBe(0)
  })

  it('tells a NIC that spoils TCP in VXLAN from a port that is shut', async () => {
    // 39 bytes behind the start of the outer UDP header is the protocol of the inner IPv4 header: TCP's packets vanish.
    const rules =
      'table inet spoil { chain in { type filter hook input priority 0; udp dport 4789 @th,312,8 6 drop; }; }\n'
    expect(await execIn(lab(), 'docker2', ['nft', '-f', '-'], { input: rules })).toMatchObject({ code: 0 })
    try {
      const { code, findings } = await examine()
      expect(code).toBe(7)
      expect(errors(findings)).toMatchObject([{ check: 'offload', hosts: ['docker1', 'docker2'] }])
      expect(errors(findings)[0]?.remedy).toContain('ethtool -K eth0 tx-udp_tnl-segmentation off')
    } finally {
      await on(lab(), 'docker2', 'nft', 'delete', 'table', 'inet', 'spoil')
    }
  })

  it('finds a switch that lets only the own MACs of hosts pass', async () => {
    const link = await on(lab(), 'docker2', 'cat', '/sys/class/net/eth0/address')
    const { switchNetns } = lab().layout
    const nft = (input: string) =>
      execFileSync('nsenter', [`--net=/run/netns/${switchNetns}`, '--', 'nft', '-f', '-'], { input })
    nft(
      `table netdev macs { chain in { type filter hook ingress device "docker2" priority 0; ether saddr != ${link} drop; }; }\n`,
    )
    try {
      const { findings } = await examine()
      expect(errors(findings)).toMatchObject([{ check: 'wire', hosts: ['docker1', 'docker2'] }])
      expect(errors(findings)[0]?.measured).toMatch(
        /no frame of eth0 \(network wired\) passes .* with the interfaces' own MACs they pass both ways/,
      )
      expect(errors(findings)[0]?.why).toContain("lets only the NIC's own MAC pass")
      expect(errors(findings)[0]?.remedy).toContain('promiscuous')
    } finally {
      nft('delete table netdev macs\n')
    }
  })

  it('leaves nothing behind when an agent is killed while it probes', async () => {
    const host = findHost(lab(), 'docker1')
    const probing = async () =>
      (await execIn(lab(), 'docker1', ['pgrep', '-f', 'pair/talk'])).stdout === '' ? undefined : true
    const examined = tryWeft(lab(), 'doctor', '--format', 'json')
    await eventually('docker1 probes', 5_000, probing)
    await stopProgram(host, 'SIGKILL')
    await eventually('the probe is gone', 2_000, async () => ((await probing()) ? undefined : true))
    await startAgent(lab().layout, host)
    expect((await examined).code).toBe(0)
    await eventually('the peer let go', 15_000, async () => {
      const left = await execIn(lab(), 'docker2', ['pgrep', '-f', 'pair/talk|cat /proc/self/stat'])
      return left.stdout === '' ? true : undefined
    })
    await expectNothingLeft()
  })

  describe('on wires that networks have for themselves', () => {
    const WIRES = { eth1: ['-d', 'bridge'], eth2: ['-d', 'macvlan', '-o', 'macvlan_mode=passthru'] }
    const inSwitch = (...argv: string[]) =>
      execFileSync('nsenter', [`--net=/run/netns/${lab().layout.switchNetns}`, '--', ...argv])
    const port = (wire: string, host: string) => `${wire}-${host}`
    const wires = async () =>
      of((await examine()).findings, 'wire').filter(({ measured }) => !measured.includes('eth0'))

    beforeAll(async () => {
      for (const wire of Object.keys(WIRES)) {
        inSwitch('ip', 'link', 'add', 'name', wire, 'up', 'type', 'bridge')
        for (const { name, netns } of HOSTS.map((host) => findHost(lab(), host))) {
          const far = ['type', 'veth', 'peer', 'name', wire, 'netns', netns]
          inSwitch('ip', 'link', 'add', 'name', port(wire, name), 'master', wire, 'up', ...far)
          await on(lab(), name, 'ip', 'link', 'set', wire, 'up')
        }
      }
      for (const host of HOSTS)
        await eventually(`${host} tells of its NICs`, 20_000, async () => {
          const told = await weft(lab(), 'host', 'inspect', host)
          return Object.keys(WIRES).every((wire) => told.includes(`"${wire}"`)) ? true : undefined
        })
      for (const [index, [wire, flags]] of Object.entries(WIRES).entries()) {
        const subnet = `10.4${6 + index}.0.0/24`
        await weft(lab(), 'network', 'create', ...flags, '--subnet', subnet, '-o', `parent=${wire}`, `on-${wire}`)
      }
      await weft(lab(), 'status', '--wait', '--timeout', '20s')
      for (const host of HOSTS)
        for (const wire of Object.keys(WIRES))
          await on(
            lab(),
            host,
            'docker',
            'run',
            '-d',
            '--name',
            wire,
            '--network',
            `on-${wire}`,
            'busybox',
            'sleep',
            '600',
          )
    })

    it('a bridge’s uplink and a NIC in passthru mode are sound', async () => {
      expect(await wires()).toMatchObject([
        { severity: 'ok', measured: expect.stringContaining('eth1 (network on-eth1) pass both ways') },
        { severity: 'ok', measured: expect.stringContaining('eth2 (network on-eth2) pass both ways') },
      ])
      await expectNothingLeft()
    })

    it('a switch that sends broadcasts back to where they came from does not mislead it', async () => {
      const ports = ['docker1', 'docker2'].map((host) => port('eth1', host))
      for (const each of ports) inSwitch('bridge', 'link', 'set', 'dev', each, 'hairpin', 'on')
      try {
        expect((await wires()).map(({ severity }) => severity)).toEqual(['ok', 'ok'])
      } finally {
        for (const each of ports) inSwitch('bridge', 'link', 'set', 'dev', each, 'hairpin', 'off')
      }
    })

    it('finds that the switch carries them to one host only', async () => {
      for (const wire of Object.keys(WIRES)) inSwitch('ip', 'link', 'set', port(wire, 'docker2'), 'nomaster')
      try {
        expect(await wires()).toMatchObject([
          { severity: 'error', measured: expect.stringContaining('no frame of eth1 (network on-eth1) passes') },
          { severity: 'error', measured: expect.stringContaining('no frame of eth2 (network on-eth2) passes') },
        ])
      } finally {
        for (const wire of Object.keys(WIRES)) inSwitch('ip', 'link', 'set', port(wire, 'docker2'), 'master', wire)
      }
    })

    it('finds that it lets only the NICs’ own MACs pass, which is all that passthru needs', async () => {
      for (const wire of Object.keys(WIRES)) {
        const mac = await on(lab(), 'docker2', 'cat', `/sys/class/net/${wire}/address`)
        const hook = `type filter hook ingress device "${port(wire, 'docker2')}" priority 0`
        inSwitch('nft', `table netdev ${wire} { chain in { ${hook}; ether saddr != ${mac} drop; }; }`)
      }
      try {
        expect(await wires()).toMatchObject([
          { severity: 'error', why: expect.stringContaining("lets only the NIC's own MAC pass") },
          { severity: 'ok' },
        ])
      } finally {
        for (const wire of Object.keys(WIRES)) inSwitch('nft', 'delete', 'table', 'netdev', wire)
      }
      expect((await wires()).map(({ severity }) => severity)).toEqual(['ok', 'ok'])
      await expectNothingLeft()
    })
  })
})
