/**
 * Isolation, by the data plane (issue 4 point 4; TRUST 4.3): networks that do not reach each other, `--internal`, icc=false,
 * and what a container with CAP_NET_RAW may send. Forged frames are real ones from a raw socket; what arrived is told by
 * tcpdump on the other side, where an honest frame sent after them marks the end.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { execIn, findHost, startAgent, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, pings, reaches, runContainer, tryOn, weft } from '../../cli/src/lab/scenario/check.ts'
import { arp, ether, ipv4, ipv6, nd, sendArgv, udp } from '../support/frames.ts'
import { eventually, useLab } from '../support/lab.ts'

const WITHIN_MS = 2000
/** UDP port of the honest datagram that is sent last. */
const MARK = 40_000

/** Networks of every driver that this kernel has, two of a kind. */
const NETWORKS = {
  red: ['--subnet', '10.70.0.0/24'],
  blue: ['--subnet', '10.71.0.0/24'],
  direct: ['-o', 'attach=macvlan', '--subnet', '10.72.0.0/24'],
  local: ['-d', 'bridge', '--subnet', '10.73.0.0/24'],
  other: ['-d', 'bridge', '--subnet', '10.74.0.0/24'],
  wire: ['-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.75.0.0/24'],
  cable: ['-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.76.0.0/24'],
} as const
/** Networks that part their own containers. */
const PARTED = {
  'parted-overlay': ['-o', 'icc=false', '--subnet', '10.80.0.0/24'],
  'parted-direct': ['-o', 'icc=false', '-o', 'attach=macvlan', '--subnet', '10.81.0.0/24'],
  'parted-bridge': ['-d', 'bridge', '-o', 'com.docker.network.bridge.enable_icc=false', '--subnet', '10.82.0.0/24'],
  'parted-wire': ['-d', 'macvlan', '-o', 'parent=eth0', '-o', 'icc=false', '--subnet', '10.83.0.0/24'],
} as const

interface Seat {
  readonly host: string
  readonly name: string
  readonly ip: string
  readonly ip6: string
  readonly mac: string
}

describe('isolation', () => {
  const lab = useLab('isolation')
  const seats = new Map<string, Seat>()
  const seat = (name: string) => {
    const found = seats.get(name)
    if (found === undefined) throw new Error(`no container ${name}`)
    return found
  }

  async function start(host: string, name: string, network: string, ...flags: string[]): Promise<void> {
    await runContainer(lab(), host, name, network, ...flags)
    const { IPAddress: ip, GlobalIPv6Address: ip6, MacAddress: mac } = await inspected(lab(), host, name, network)
    seats.set(name, { host, name, ip, ip6, mac })
  }
  const docker = (host: string, ...argv: string[]) => tryOn(lab(), host, 'docker', ...argv)
  /** One packet is enough where none may pass. */
  const passes = (from: string, to: string) => pings(lab(), seat(from).host, from, to, '-c', '1', '-W', '1')

  beforeAll(async () => {
    for (const [name, flags] of Object.entries({ ...NETWORKS, ...PARTED }))
      await weft(lab(), 'network', 'create', ...flags, name)
    await weft(lab(), 'network', 'create', '--internal', '--subnet', '10.78.0.0/24', 'closed')
    await weft(lab(), 'network', 'create', '--ipv6', '--subnet', '10.79.0.0/24', '--subnet', 'fd79::/64', 'dual')
    await weft(
      lab(),
      'network',
      'create',
      '--ipv6',
      '--subnet',
      '10.77.0.0/24',
      '--subnet',
      'fd77::/64',
      '-o',
      'spoof_check=off',
      'floating',
    )
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    const names = [...Object.keys(NETWORKS), 'closed', ...Object.keys(PARTED), 'dual', 'floating']
    await Promise.all(
      ['docker1', 'docker2'].map(async (host, index) => {
        for (const name of names) await start(host, `${name}-${index + 1}`, name)
      }),
    )
    for (const name of [...Object.keys(PARTED), 'dual', 'floating', 'direct', 'wire'])
      await start('docker1', `${name}-3`, name)
  }, 240_000)

  describe('between networks', () => {
    it('each reaches its own on both hosts, where its driver crosses hosts', async () => {
      for (const name of ['red', 'blue', 'direct', 'wire', 'cable', 'closed']) {
        await reaches(lab(), 'docker1', `${name}-1`, seat(`${name}-2`).ip)
      }
    })

    it('none reaches another of any driver, on one host or across', async () => {
      const names = [...Object.keys(NETWORKS), 'closed']
      const reached = await Promise.all(
        names.flatMap((from) =>
          names
            .filter((to) => to !== from)
            .flatMap((to) =>
              ['1', '2'].map(async (where) => {
                const passed = await passes(`${from}-1`, seat(`${to}-${where}`).ip)
                return passed ? [`${from}-1 -> ${to}-${where}`] : []
              }),
            ),
        ),
      )
      expect(reached.flat()).toEqual([])
    })
  })

  describe('--internal', () => {
    it('has no way out', async () => {
      const routes = await docker('docker1', 'exec', 'closed-1', 'ip', 'route', 'show', 'default')
      expect(routes.stdout).toBe('')
      const host = await on(lab(), 'docker1', 'sh', '-c', 'ip -4 -o addr show dev eth0 | head -n1')
      const address = /inet ([0-9.]+)/.exec(host)?.[1] ?? ''
      expect(await pings(lab(), 'docker1', 'closed-1', address, '-c', '1', '-W', '1')).toBe(false)
      expect(await pings(lab(), 'docker1', 'red-1', address, '-c', '1', '-W', '1')).toBe(true)
    })

    it('resolves no outside name, not even at Docker’s own port, and nothing of it leaves the host', async () => {
      const listed = await docker('docker1', 'exec', 'closed-1', 'ss', '-Hlnu', 'src', '127.0.0.11')
      const port = /127\.0\.0\.11:(\d+)/.exec(listed.stdout)?.[1]
      expect(port, listed.stdout).toBeDefined()
      const heard = on(lab(), 'docker1', 'sh', '-c', 'timeout 4 tcpdump -i any -nn -l port 53 2>/dev/null || true')
      const ask = async (...flags: string[]) =>
        (await docker('docker1', 'exec', 'closed-1', 'dig', '+time=1', '+tries=1', ...flags, 'leak.example.com')).stdout
      for (const flags of [
        [],
        ['+tcp'],
        ['@127.0.0.11', '-p', port ?? ''],
        ['+tcp', '@127.0.0.11', '-p', port ?? ''],
      ]) {
        expect(await ask(...flags), flags.join(' ')).toContain('status: REFUSED')
      }
      expect(await ask('@192.0.2.53')).not.toContain('status: NOERROR')
      expect(await heard).not.toContain('leak')
      const own = await docker('docker1', 'exec', 'closed-1', 'dig', '+short', 'closed-2')
      expect(own.stdout.trim()).toBe(seat('closed-2').ip)
    })
  })

  describe('Docker’s gateway bridge', () => {
    it('is no way from one network to another, not even when the host’s iptables are flushed', async () => {
      const address = await docker('docker1', 'exec', 'blue-1', 'sh', '-c', 'ip -4 -o addr show dev eth1')
      const blue = /inet ([0-9.]+)/.exec(address.stdout)?.[1] ?? ''
      const gateway = await docker('docker1', 'exec', 'red-1', 'sh', '-c', 'ip -4 route show default')
      const next = /via ([0-9.]+)/.exec(gateway.stdout)?.[1] ?? ''
      const tries = async () => [
        await pings(lab(), 'docker1', 'red-1', blue, '-c', '1', '-W', '1'),
        await pings(lab(), 'docker1', 'red-1', next, '-c', '1', '-W', '1'),
      ]
      expect(await tries()).toEqual([false, true])
      const rules = await on(lab(), 'docker1', 'iptables-save')
      await on(lab(), 'docker1', 'iptables', '-F', 'FORWARD')
      try {
        expect(await tries()).toEqual([false, true])
      } finally {
        const restored = await execIn(lab(), 'docker1', ['iptables-restore'], { input: `${rules}\n` })
        expect(restored.code, restored.stderr).toBe(0)
      }
    })
  })

  describe('icc=false', () => {
    it.each(Object.keys(PARTED))('parts the containers of %s on one host', async (name) => {
      expect(await passes(`${name}-1`, seat(`${name}-3`).ip)).toBe(false)
      expect(await passes(`${name}-3`, seat(`${name}-1`).ip)).toBe(false)
    })

    it.each(['parted-overlay', 'parted-direct', 'parted-bridge', 'parted-wire'])(
      'parts those of %s across hosts',
      async (name) => {
        expect(await passes(`${name}-1`, seat(`${name}-2`).ip)).toBe(false)
        expect(await passes(`${name}-2`, seat(`${name}-1`).ip)).toBe(false)
      },
    )

    it('leaves them their way out', async () => {
      for (const name of ['parted-overlay', 'parted-direct', 'parted-bridge']) {
        const { stdout } = await docker('docker1', 'exec', `${name}-1`, 'ip', '-4', 'route', 'show', 'default')
        const gateway = /via ([0-9.]+)/.exec(stdout)?.[1] ?? ''
        expect(await pings(lab(), 'docker1', `${name}-1`, gateway, '-c', '1', '-W', '1'), `${name}: ${stdout}`).toBe(
          true,
        )
      }
    })

    it('holds against a raw frame to a known MAC', async () => {
      const heard = await capture('parted-overlay-3', 'parted-overlay-2')
      for (const name of ['parted-overlay-3', 'parted-overlay-2'])
        await sends('parted-overlay-1', [markFrom('parted-overlay-1', name)])
      await new Promise((resolve) => setTimeout(resolve, 300))
      for (const name of ['parted-overlay-3', 'parted-overlay-2']) expect(await heard(name)).not.toContain(`.${MARK}:`)
    })
  })

  /** An honest datagram, and the last of what a capture waits for. */
  const markFrom = (from: string, to: string) =>
    ether(seat(to).mac, seat(from).mac, 0x0800, ipv4(seat(from).ip, seat(to).ip, 17, udp(1000, MARK)))

  async function sends(from: string, frames: readonly Buffer[]): Promise<void> {
    const { code, stderr } = await docker(seat(from).host, 'exec', from, ...sendArgv('eth0', frames))
    expect(code, stderr).toBe(0)
  }

  /** Listens in containers; gives what was heard in one of them up to now. */
  async function capture(...names: string[]) {
    for (const name of names) {
      const listen =
        'pkill tcpdump; rm -f /tmp/heard /tmp/said; exec tcpdump -U -l -nn -e -i eth0 >/tmp/heard 2>/tmp/said'
      await docker(seat(name).host, 'exec', '-d', name, 'sh', '-c', listen)
      await eventually(`tcpdump listens in ${name}`, 5000, async () => {
        const { stdout } = await docker(seat(name).host, 'exec', name, 'cat', '/tmp/said')
        return stdout.includes('listening on') ? true : undefined
      })
    }
    return async (name: string) => (await docker(seat(name).host, 'exec', name, 'cat', '/tmp/heard')).stdout
  }

  /** What forged frames look like to tcpdump at their target; all sent to its MAC, so that nothing but a guard stops them. */
  function forgeries(
    from: string,
    to: string,
    victim: { ip: string; ip6: string; mac: string },
  ): Record<string, { frame: Buffer; seen: RegExp }> {
    const [own, target] = [seat(from), seat(to)]
    const toTarget = { mac: target.mac, ip: target.ip6 || 'fe80::1' }
    const of4 = {
      'another’s MAC': {
        frame: ether(target.mac, victim.mac, 0x0800, ipv4(own.ip, target.ip, 17, udp(1000, 41_001))),
        seen: /\.41001:/,
      },
      'another’s IPv4 address': {
        frame: ether(target.mac, own.mac, 0x0800, ipv4(victim.ip, target.ip, 17, udp(1000, 41_002))),
        seen: /\.41002:/,
      },
      'ARP for another’s address': {
        frame: arp(target.mac, own.mac, { mac: own.mac, ip: victim.ip }, target.ip),
        seen: new RegExp(`tell ${victim.ip.replaceAll('.', '\\.')},`),
      },
      'an answer of DHCP': {
        frame: ether(target.mac, own.mac, 0x0800, ipv4(own.ip, target.ip, 17, udp(67, 68))),
        seen: /\.67 > /,
      },
    }
    if (own.ip6 === '') return of4
    return {
      ...of4,
      'another’s IPv6 address': {
        frame: ether(target.mac, own.mac, 0x86dd, ipv6(victim.ip6, target.ip6, 17, udp(1000, 41_003))),
        seen: /\.41003:/,
      },
      'an advertisement of another’s address': {
        frame: nd(toTarget, own, 136, victim.ip6),
        seen: /neighbor advertisement, tgt is fd7/,
      },
      'a router advertisement': { frame: nd(toTarget, own, 134, '::'), seen: /router advertisement/ },
    }
  }

  /** Sends all forgeries and then the honest mark; which of them arrived. */
  async function arrived(
    from: string,
    to: string,
    victim = { ip: '10.99.0.9', ip6: 'fd79::99', mac: '02:00:00:00:00:99' },
  ) {
    const heard = await capture(to)
    const all = forgeries(from, to, victim)
    await sends(from, [...Object.values(all).map(({ frame }) => frame), markFrom(from, to)])
    const lines = await eventually(`the honest datagram of ${from} at ${to}`, 5000, async () => {
      const text = await heard(to)
      return text.includes(`.${MARK}:`) ? text : undefined
    })
    return Object.entries(all).flatMap(([name, { seen }]) => (seen.test(lines) ? [name] : []))
  }

  describe('a container with CAP_NET_RAW', () => {
    it('could forge everything with spoof_check=off', async () => {
      const names = Object.keys(forgeries('floating-1', 'floating-3', seat('dual-2')))
      expect(names).toHaveLength(7)
      expect(await arrived('floating-1', 'floating-3')).toEqual(names)
    })

    it.each([
      ['red-1', 'red-2'],
      ['dual-1', 'dual-3'],
      ['dual-1', 'dual-2'],
      ['direct-1', 'direct-2'],
      ['direct-1', 'direct-3'],
      ['wire-1', 'wire-2'],
      ['wire-1', 'wire-3'],
    ])('forges nothing: %s to %s', async (from, to) => {
      expect(await arrived(from, to)).toEqual([])
    })

    it('cannot be another container that is there', async () => {
      expect(await arrived('dual-1', 'dual-2', seat('dual-3'))).toEqual([])
      expect(await arrived('wire-1', 'wire-2', seat('wire-3'))).toEqual([])
    })

    it.each(['red', 'direct', 'wire'])('forges nothing with its first instruction on %s', async (network) => {
      const target = `${network}-2`
      const heard = await capture(target)
      const { mac, ip } = seat(target)
      const frame = ether(mac, '02:00:00:00:00:99', 0x0800, ipv4('10.70.0.99', ip, 17, udp(1000, 41_009)))
      const argv = ['run', '--rm', '--network', network, 'weft/tools', ...sendArgv('eth0', [frame])]
      for (let count = 0; count < 3; count++) expect((await docker('docker1', ...argv)).code).toBe(0)
      await sends(`${network}-1`, [markFrom(`${network}-1`, target)])
      await eventually('the mark', 5000, async () => ((await heard(target)).includes(`.${MARK}:`) ? true : undefined))
      expect(await heard(target)).not.toContain('.41009:')
    })
  })

  describe('the guards', () => {
    const tables = async (where: readonly string[]) =>
      (await on(lab(), 'docker1', ...where, 'nft', 'list', 'tables', 'netdev'))
        .split('\n')
        .filter((line) => line.includes('weft_guard'))
    const fabric = ['ip', 'netns', 'exec', 'weft'] as const
    const guardOf = async (network: string) =>
      (await weft(lab(), 'network', 'inspect', '-f', '{{.Weft.Guard}}', network)).trim()

    it('are back within 2 s when somebody deletes or empties them', async () => {
      const before = await tables(fabric)
      expect(before.length).toBeGreaterThan(3)
      const [one = '', two = ''] = before.map((line) => line.replace('table ', ''))
      await on(lab(), 'docker1', ...fabric, 'nft', 'delete', 'table', ...one.split(' '))
      await eventually('the table is back', WITHIN_MS, async () =>
        (await tables(fabric)).length === before.length ? true : undefined,
      )
      await on(lab(), 'docker1', ...fabric, 'nft', 'flush', 'table', ...two.split(' '))
      await eventually('the rules are back', WITHIN_MS, async () => {
        const text = await on(lab(), 'docker1', ...fabric, 'nft', 'list', 'table', ...two.split(' '))
        return text.includes('ip saddr') ? true : undefined
      })
    })

    it('hold while the agent is down, and afterwards', async () => {
      const docker1 = findHost(lab(), 'docker1')
      await stopProgram(docker1, 'SIGKILL')
      expect(await arrived('red-1', 'red-2')).toEqual([])
      await startAgent(lab().layout, docker1)
      await weft(lab(), 'status', '--wait', '--timeout', '20s')
      expect(await arrived('red-1', 'red-2')).toEqual([])
    })

    it('come and go with the option, as the parting of containers does, while these run', async () => {
      const update = async (network: string, ...options: string[]) => {
        await weft(lab(), 'network', 'update', ...options.flatMap((option) => ['-o', option]), network)
        await weft(lab(), 'status', '--wait', '--timeout', '20s')
      }
      expect(await guardOf('floating')).toBe('off')
      await update('floating', 'spoof_check=on', 'icc=false')
      expect(await guardOf('floating')).toBe('port')
      for (const to of ['floating-2', 'floating-3']) expect(await passes('floating-1', seat(to).ip), to).toBe(false)
      await update('floating', 'icc=true')
      // ARP that went unanswered a moment ago is repeated by the second.
      for (const to of ['floating-2', 'floating-3'])
        await eventually(`${to} is reached`, 3 * WITHIN_MS, async () =>
          (await passes('floating-1', seat(to).ip)) ? true : undefined,
        )
      expect(await arrived('floating-1', 'floating-3')).toEqual([])
      expect(await guardOf('wire')).toBe('sandbox')
    })

    it('go with their containers', async () => {
      const before = await tables(fabric)
      await docker('docker1', 'rm', '-f', 'floating-1', 'dual-3')
      await eventually('two guards less', WITHIN_MS, async () =>
        (await tables(fabric)).length === before.length - 2 ? true : undefined,
      )
    })
  })
})
