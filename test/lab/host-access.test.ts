/**
 * `-o host_access=true` (issue 4 point 7; PAINS 4): a host reaches the network's containers on itself and on others, which on a
 * macvlan it never does otherwise, by an interface and an address of its own that come back whatever takes them away.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { findHost, startAgent, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

/** Patience where nothing was waited for: a busy machine. */
const MADE_MS = 8_000
const REPAIRED_MS = 2_000

interface Shim {
  readonly host: string
  readonly role?: string
  readonly network: { readonly name: string }
  readonly addresses: readonly string[]
  readonly mac: string
}
interface IpLink {
  readonly ifname: string
  readonly address: string
  readonly ifalias?: string
}

describe('host access', () => {
  const lab = useLab('hostaccess')

  /** What each network is made with. */
  const NETWORKS = {
    wire: ['-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.70.0.0/24'],
    lan: ['-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.250.0.0/24', '--ip-range', '10.250.0.128/26'],
    over: ['-d', 'overlay', '--ipv6', '--subnet', '10.71.0.0/24', '--subnet', 'fd71::/64'],
    direct: ['-d', 'overlay', '-o', 'attach=macvlan', '--subnet', '10.72.0.0/24'],
    lone: ['-d', 'bridge', '--subnet', '10.73.0.0/24'],
  } as const

  const shims = async (network: string): Promise<Shim[]> => {
    const all = JSON.parse(await weft(lab(), 'endpoint', 'ls', '--network', network, '--format', 'json')) as Shim[]
    return all.filter(({ role }) => role === 'shim')
  }
  const shimOf = async (network: string, host: string) => {
    const found = (await shims(network)).find((each) => each.host === host)
    if (found === undefined) throw new Error(`no shim of ${host} in ${network}`)
    return found
  }
  const reaches = async (host: string, address: string): Promise<boolean> =>
    (await tryOn(lab(), host, 'ping', '-c', '1', '-W', '1', address)).code === 0
  const addressOf = async (host: string, container: string, network: string) =>
    (await inspected(lab(), host, container, network)).IPAddress
  /** The shim's interface as the host's own `ip` tells it. */
  const linkOf = async (host: string, network: string): Promise<IpLink | undefined> => {
    const links = JSON.parse(await on(lab(), host, 'ip', '-j', 'link', 'show')) as IpLink[]
    return links.find(({ ifalias }) => ifalias === `${network}/host shim`)
  }

  beforeAll(async () => {
    for (const [name, flags] of Object.entries(NETWORKS)) {
      await weft(lab(), 'network', 'create', ...flags, '-o', 'host_access=true', name)
    }
    await weft(lab(), 'network', 'create', '-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.74.0.0/24', 'plain')
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    for (const network of [...Object.keys(NETWORKS), 'plain']) {
      for (const host of ['docker1', 'docker2']) await runContainer(lab(), host, `${network}-${host}`, network)
    }
  }, 120_000)

  it('is there when `weft network create` has returned: the first container is reached with the first packet', async () => {
    for (const at of [0, 1, 2]) {
      const network = `prompt${at}`
      const subnet = `10.75.${at}.0/24`
      const flags = ['-d', 'macvlan', '-o', 'parent=eth0', '--subnet', subnet, '-o', 'host_access=true']
      await weft(lab(), 'network', 'create', ...flags, network)
      for (const host of ['docker1', 'docker2']) expect(await linkOf(host, network), host).toBeDefined()
      await runContainer(lab(), 'docker1', network, network)
      expect(await reaches('docker1', await addressOf('docker1', network, network))).toBe(true)
      await on(lab(), 'docker1', 'docker', 'rm', '-f', network)
      await eventually(`${network} can go`, 10_000, async () =>
        (await tryWeft(lab(), 'network', 'rm', network)).code === 0 ? true : undefined,
      )
    }
  }, 60_000)

  it('every host has one shim in each of the networks, and none elsewhere', async () => {
    for (const network of Object.keys(NETWORKS)) {
      await eventually(`shims of ${network}`, MADE_MS, async () =>
        (await shims(network))
          .map(({ host }) => host)
          .sort()
          .join(' ') === 'docker1 docker2'
          ? true
          : undefined,
      )
    }
    expect(await shims('plain')).toEqual([])
    expect(await weft(lab(), 'endpoint', 'ls', '--network', 'wire')).toContain('host shim')
  })

  it.each(['wire', 'lan', 'over', 'direct'])(
    '%s: a host reaches its own container and the other’s',
    async (network) => {
      for (const owner of ['docker1', 'docker2']) {
        const address = await addressOf(owner, `${network}-${owner}`, network)
        for (const host of ['docker1', 'docker2']) {
          await eventually(`${host} reaches ${network}-${owner}`, MADE_MS, async () =>
            (await reaches(host, address)) ? true : undefined,
          )
        }
      }
    },
  )

  it('a bridge of one host is reached from that host', async () => {
    for (const host of ['docker1', 'docker2']) {
      const address = await addressOf(host, `lone-${host}`, 'lone')
      await eventually(`${host} reaches its own`, MADE_MS, async () =>
        (await reaches(host, address)) ? true : undefined,
      )
    }
  })

  it('IPv6 and TCP with a payload, and a container reaches the host', async () => {
    const { GlobalIPv6Address } = await inspected(lab(), 'docker2', 'over-docker2', 'over')
    expect(await reaches('docker1', GlobalIPv6Address)).toBe(true)
    const address = await addressOf('docker2', 'wire-docker2', 'wire')
    const serve = 'mkdir -p /w && head -c 300000 /dev/zero > /w/f && exec busybox httpd -f -p 80 -h /w'
    await on(lab(), 'docker2', 'docker', 'exec', '-d', 'wire-docker2', 'sh', '-c', serve)
    await eventually('300 kB from the container', 5_000, async () => {
      const { stdout } = await tryOn(lab(), 'docker1', 'curl', '-s', '-m', '3', `http://${address}/f`)
      return stdout.length === 300_000 ? true : undefined
    })
    const [shim = ''] = (await shimOf('wire', 'docker1')).addresses
    expect(
      (await tryOn(lab(), 'docker2', 'docker', 'exec', 'wire-docker2', 'ping', '-c', '1', '-W', '1', shim)).code,
    ).toBe(0)
  })

  it('without it a host does not reach its macvlan containers', async () => {
    expect(await reaches('docker1', await addressOf('docker1', 'plain-docker1', 'plain'))).toBe(false)
  })

  it('it answers ARP for its own address and for none else of the host, and routes for nobody', async () => {
    const { ifname, address } = (await linkOf('docker1', 'wire')) as IpLink
    /** Everything that answers a question for the address on the wire. */
    const ask = async (ip: string) => {
      const argv = ['docker', 'exec', 'wire-docker2', 'busybox', 'arping', '-c', '2', '-w', '2', '-I', 'eth0', ip]
      return (await tryOn(lab(), 'docker2', ...argv)).stdout
    }
    const [own = ''] = (await shimOf('wire', 'docker1')).addresses
    const nic = JSON.parse(await on(lab(), 'docker1', 'ip', '-j', 'link', 'show', 'eth0')) as IpLink[]
    const answers = await ask(own)
    expect(answers).toContain(address)
    expect(answers).not.toContain(nic[0]?.address)
    // Others of the same host: its address on the NIC, and its shim's in another network.
    expect(await ask(findHost(lab(), 'docker1').ipv4)).not.toContain(address)
    const [other = ''] = (await shimOf('over', 'docker1')).addresses
    expect(await ask(other)).not.toContain(address)
    const read = (file: string) => on(lab(), 'docker1', 'cat', `/proc/sys/net/ipv4/conf/${ifname}/${file}`)
    expect([await read('forwarding'), await read('arp_ignore'), await read('arp_announce')]).toEqual(['0', '1', '2'])
  })

  it('a deleted shim, address or route is back within 2 s, with the same address and MAC', async () => {
    const target = await addressOf('docker2', 'wire-docker2', 'wire')
    const before = (await linkOf('docker1', 'wire')) as IpLink
    const back = () =>
      eventually('the host reaches the container again', REPAIRED_MS, async () => {
        const now = await linkOf('docker1', 'wire')
        return now?.address === before.address && (await reaches('docker1', target)) ? true : undefined
      })
    await on(lab(), 'docker1', 'ip', 'link', 'delete', 'dev', before.ifname)
    await back()
    await on(lab(), 'docker1', 'ip', 'route', 'delete', `${target}/32`)
    await back()
    await on(lab(), 'docker1', 'ip', 'address', 'flush', 'dev', before.ifname)
    await back()
  })

  it('a shim that a reboot took is made from the agent’s own file, with no controller asked', async () => {
    const host = findHost(lab(), 'docker1')
    const target = await addressOf('docker2', 'wire-docker2', 'wire')
    const { ifname } = (await linkOf('docker1', 'wire')) as IpLink
    await stopProgram(host, 'SIGKILL')
    await on(lab(), 'docker1', 'ip', 'link', 'delete', 'dev', ifname)
    await startAgent(lab().layout, host)
    await eventually('the shim is back', 10_000, async () => ((await reaches('docker1', target)) ? true : undefined))
  })

  it('its address is nobody else’s, and the refusal says whose it is', async () => {
    const [taken = ''] = (await shimOf('over', 'docker1')).addresses
    const { code, stderr } = await tryOn(
      lab(),
      'docker2',
      'docker',
      'run',
      '--rm',
      '--network',
      'over',
      '--ip',
      taken,
      'busybox',
      'true',
    )
    expect(code).not.toBe(0)
    expect(stderr).toContain('the host shim of docker1')
  })

  it('refuses modes in which no container would hear the host', async () => {
    const flags = ['-d', 'macvlan', '-o', 'parent=eth0', '-o', 'macvlan_mode=private', '-o', 'host_access=true']
    const { code, stderr } = await tryWeft(lab(), 'network', 'create', ...flags, '--subnet', '10.75.0.0/24', 'deaf')
    expect(code).toBe(2)
    expect(stderr).toContain('macvlan_mode=private')
  })

  it('goes with its network, which it does not hold', async () => {
    for (const host of ['docker1', 'docker2']) await on(lab(), host, 'docker', 'rm', '-f', `lone-${host}`)
    await eventually('the network can go', 10_000, async () =>
      (await tryWeft(lab(), 'network', 'rm', 'lone')).code === 0 ? true : undefined,
    )
    await eventually('the shim is gone', 5_000, async () =>
      (await linkOf('docker1', 'lone')) === undefined ? true : undefined,
    )
    const all = JSON.parse(await weft(lab(), 'endpoint', 'ls', '--format', 'json')) as Shim[]
    expect(all.filter(({ network }) => network.name === 'lone')).toEqual([])
  })
})
