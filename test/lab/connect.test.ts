/**
 * Connecting running containers of any host, from a machine that has no Docker (issue 4 point 3): found by name, wired by
 * their own engine, named and addressed as asked, and so again after a restart.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { inspected, on, pings, reaches, runContainer, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

interface Row {
  readonly ifname: string
  readonly address: string
  readonly addr_info: readonly { readonly local: string; readonly scope: string }[]
}

describe('connecting containers', () => {
  const lab = useLab('connect')
  const docker1 = (...argv: string[]) => on(lab(), 'docker1', 'docker', ...argv)
  const docker2 = (...argv: string[]) => on(lab(), 'docker2', 'docker', ...argv)
  /** The container's interface that has the address. */
  const interfaceWith = async (where: string, container: string, address: string) => {
    const text = await on(lab(), where, 'docker', 'exec', container, 'ip', '-j', 'addr')
    return (JSON.parse(text) as Row[]).find(({ addr_info }) => addr_info.some(({ local }) => local === address))
  }

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.71.0.0/24', 'home')
    await weft(lab(), 'network', 'create', '--subnet', '10.72.0.0/24', '--subnet', 'fd72::/64', '--ipv6', 'away')
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    await runContainer(lab(), 'docker1', 'web', 'home')
    await runContainer(lab(), 'docker2', 'twin', 'home')
    await runContainer(lab(), 'docker1', 'twin', 'home')
    await runContainer(lab(), 'docker2', 'peer', 'away')
    await docker2('run', '-d', '--name', 'foreign', 'weft/tools', 'sleep', '3600')
    await docker2('run', '-d', '--name', 'alone', '--network', 'none', 'weft/tools', 'sleep', '3600')
  }, 60_000)

  it('connects one that is found by its name, with address, alias and MAC as asked, and reaches across hosts', async () => {
    const mac = '02:00:00:00:aa:01'
    const wish = ['--ip', '10.72.0.50', '--ip6', 'fd72::50', '--alias', 'www', '--mac-address', mac]
    await weft(lab(), 'network', 'connect', ...wish, 'away', 'web')
    expect((await interfaceWith('docker1', 'web', '10.72.0.50'))?.address).toBe(mac)
    const peer = await inspected(lab(), 'docker2', 'peer', 'away')
    await reaches(lab(), 'docker1', 'web', peer.IPAddress)
    await reaches(lab(), 'docker2', 'peer', '10.72.0.50')
    await reaches(lab(), 'docker2', 'peer', 'fd72::50')
    await eventually('the alias is heard on the other host', 2_000, async () => {
      const found = await docker2('exec', 'peer', 'dig', '+short', '+time=1', '+tries=1', 'www')
      return found === '10.72.0.50' ? true : undefined
    })
    // The first network is as it was.
    expect(await pings(lab(), 'docker1', 'web', (await inspected(lab(), 'docker1', 'twin', 'home')).IPAddress)).toBe(
      true,
    )
  })

  it('has it all again after a restart', async () => {
    await docker1('restart', '-t', '0', 'web')
    expect((await interfaceWith('docker1', 'web', '10.72.0.50'))?.address).toBe('02:00:00:00:aa:01')
    await reaches(lab(), 'docker2', 'peer', '10.72.0.50', 5_000)
  })

  it('refuses a name that several hosts have, and takes it with its host', async () => {
    const { code, stderr } = await tryWeft(lab(), 'network', 'connect', 'away', 'twin')
    expect(code).toBe(4)
    expect(stderr).toContain('docker1, docker2')
    expect(stderr).toContain('docker1/twin')
    await weft(lab(), 'network', 'connect', 'away', 'docker2/twin')
    const { IPAddress } = await inspected(lab(), 'docker2', 'twin', 'away')
    await reaches(lab(), 'docker1', 'web', IPAddress)
  })

  it('finds a container that is on no network of Weft, and takes it off again', async () => {
    await weft(lab(), 'network', 'connect', 'away', 'foreign')
    const { IPAddress } = await inspected(lab(), 'docker2', 'foreign', 'away')
    await reaches(lab(), 'docker1', 'web', IPAddress)
    await weft(lab(), 'network', 'disconnect', 'away', 'foreign')
    expect(await interfaceWith('docker2', 'foreign', IPAddress)).toBeUndefined()
    expect(await pings(lab(), 'docker1', 'web', IPAddress)).toBe(false)
    await eventually('its endpoint is gone', 5_000, async () =>
      (await weft(lab(), 'endpoint', 'ls', '--network', 'away')).includes('foreign') ? undefined : true,
    )
  })

  describe('the name of an interface', () => {
    const nameOf = async (where: string, container: string, address: string) =>
      (await interfaceWith(where, container, address))?.ifname
    const isCalled = (name: string, container: string, address: string) =>
      eventually(`${address} is on ${name}`, 5_000, async () =>
        (await nameOf('docker2', container, address)) === name ? true : undefined,
      )

    it('is the one asked for, from the first instruction on where it ends in 0', async () => {
      const option = 'driver-opt=weft.ifname=lan0'
      const run = ['run', '--rm', '--network', `name=away,ip=10.72.0.60,${option}`, 'weft/tools']
      expect(await docker2(...run, 'cat', '/sys/class/net/lan0/operstate')).toBe('up')
    })

    it('is kept beside others that come and go, and through a restart; Docker finds the interface all the same', async () => {
      await runContainer(lab(), 'docker2', 'named', 'home')
      await weft(lab(), 'network', 'connect', '--ifname', 'eth7', '--ip', '10.72.0.61', 'away', 'docker2/named')
      await isCalled('eth7', 'named', '10.72.0.61')
      await reaches(lab(), 'docker2', 'named', '10.72.0.50')
      await docker2('restart', '-t', '0', 'named')
      await isCalled('eth7', 'named', '10.72.0.61')
      await reaches(lab(), 'docker2', 'named', '10.72.0.50')
      await docker2('network', 'disconnect', 'away', 'named')
      const links = JSON.parse(await docker2('exec', 'named', 'ip', '-j', 'link')) as { ifname: string }[]
      expect(links.map(({ ifname }) => ifname)).not.toContain('eth7')
      const left = JSON.parse(await on(lab(), 'docker2', 'ip', '-j', 'link')) as { ifname: string; ifalias?: string }[]
      expect(left.filter(({ ifalias }) => ifalias === 'away/named')).toEqual([])
    })
  })

  describe('the default route of a container in several networks', () => {
    /** Next hop and device of the default route. */
    const route = async (family: '-4' | '-6') => {
      const text = await docker2('exec', 'router', 'ip', '-j', family, 'route', 'show', 'default')
      return (JSON.parse(text) as { gateway?: string }[]).map(({ gateway }) => gateway)
    }
    const goes = (v4: string, v6: string[], withinMs = 3_000) =>
      eventually(`default routes are ${v4} and ${v6.join()}`, withinMs, async () => {
        const now = JSON.stringify([await route('-4'), await route('-6')])
        return now === JSON.stringify([[v4], v6]) ? true : undefined
      })

    beforeAll(async () => {
      const lan = ['network', 'create', '-d', 'macvlan', '-o', 'parent=eth0', '--subnet']
      const dual = ['--subnet', 'fd82::/64', '--ipv6', '--gateway', '10.82.0.1', '--gateway', 'fd82::1']
      await weft(lab(), ...lan, '10.82.0.0/24', ...dual, 'lan-b')
      await weft(lab(), ...lan, '10.81.0.0/24', '--gateway', '10.81.0.1', 'lan-a')
      await weft(lab(), ...lan, '10.83.0.0/24', '--gateway', '10.83.0.1', 'lan-c')
      await weft(lab(), 'status', '--wait', '--timeout', '20s')
      await runContainer(lab(), 'docker2', 'router', 'lan-b')
    }, 60_000)

    it('is the first network’s by name, and none of IPv6 is lost when one without IPv6 comes', async () => {
      await goes('10.82.0.1', ['fd82::1'])
      await weft(lab(), 'network', 'connect', 'lan-a', 'router')
      await goes('10.81.0.1', ['fd82::1'])
    })

    it('is the one of the highest priority, from then on and after a restart', async () => {
      await weft(lab(), 'network', 'connect', '--gw-priority', '10', 'lan-c', 'router')
      await goes('10.83.0.1', ['fd82::1'])
      await docker2('restart', '-t', '0', 'router')
      await goes('10.83.0.1', ['fd82::1'], 5_000)
      // Docker goes on connecting and disconnecting beside it.
      await docker2('network', 'disconnect', 'lan-b', 'router')
      await goes('10.83.0.1', [])
      await docker2('network', 'connect', '--driver-opt', 'weft.gw-priority=20', 'lan-b', 'router')
      await goes('10.82.0.1', ['fd82::1'])
      await docker2('network', 'disconnect', 'lan-b', 'router')
      await docker2('network', 'disconnect', 'lan-c', 'router')
      await goes('10.81.0.1', [])
    })

    it('is put back when somebody removes it', async () => {
      const pid = await docker2('inspect', '-f', '{{.State.Pid}}', 'router')
      await on(lab(), 'docker2', 'nsenter', '-t', pid, '-n', 'ip', 'route', 'del', 'default')
      await goes('10.81.0.1', [])
    })

    it('is never one below 0, and no network without a gateway is preferred', async () => {
      await docker2('run', '-d', '--name', 'quiet', '--network', 'home', 'weft/tools', 'sleep', '3600')
      await weft(lab(), 'network', 'connect', '--gw-priority', '-1', '--ifname', 'eth5', 'lan-a', 'docker2/quiet')
      const text = await docker2('exec', 'quiet', 'ip', '-j', 'route', 'show', 'default')
      expect((JSON.parse(text) as { gateway: string }[]).map(({ gateway }) => gateway)).not.toContain('10.81.0.1')
      expect(text).toContain('gateway')
      const { code, stderr } = await tryWeft(lab(), 'network', 'connect', '--gw-priority', '5', 'away', 'docker2/quiet')
      expect(code).toBe(2)
      expect(stderr).toContain('weft.gw-priority=5')
      // A macvlan goes with nobody's port: Docker itself must find it, whatever it is called.
      const links = async () => await docker2('exec', 'quiet', 'ip', '-br', 'link')
      await eventually('its name', 5_000, async () => ((await links()).includes('eth5@') ? true : undefined))
      await weft(lab(), 'network', 'disconnect', 'lan-a', 'docker2/quiet')
      expect((await links()).split('\n')).toHaveLength(3)
    })
  })

  it.each<[string, number, string[], string[]]>([
    ['a container that nobody has', 3, ['away', 'nobody'], ['nobody', 'docker ps']],
    ['a host that there is not', 3, ['away', 'docker9/web'], ['docker9', 'docker1, docker2']],
    ['a network that there is not', 3, ['nowhere', 'web'], ['nowhere']],
    ['an address of another network', 2, ['--ip', '10.99.0.1', 'away', 'peer'], ['10.99.0.1', '10.72.0.0/24']],
    ['an address that is held', 4, ['--ip', '10.72.0.50', 'away', 'docker1/twin'], ['10.72.0.50', 'web', 'docker1']],
    ['an option that there is not', 2, ['--driver-opt', 'weft.ifnam=x', 'away', 'docker1/twin'], ['weft.ifname']],
    ['a container of --network none', 2, ['away', 'alone'], ['(none)', 'weft attach']],
    ['a container that is on it', 4, ['away', 'web'], ['Docker of docker1', 'already exists']],
  ])('refuses %s', async (_, expected, args, words) => {
    const { code, stderr } = await tryWeft(lab(), 'network', 'connect', ...args)
    expect(code, stderr).toBe(expected)
    for (const word of words) expect(stderr).toContain(word)
  })
})
