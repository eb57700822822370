/** The way out (issue 4 point 5): Weft's own gateway, and the others, by what a machine outside sees. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findHost } from '../../cli/src/lab/index.ts'
import { inspected, on, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'
import { type Outside, openOutside } from '../support/outside.ts'
import { TELLING_PORT } from '../support/telling-server.ts'

const BYTES = 300_000
const SHA256 = createHash('sha256').update(Buffer.alloc(BYTES, '\0')).digest('hex')

describe('way out', () => {
  const lab = useLab('egress')
  let outside: Outside

  beforeAll(async () => {
    outside = await openOutside(lab())
    // As Docker leaves a host on which it has switched routing on itself.
    for (const host of ['docker1', 'docker2']) {
      for (const program of ['iptables', 'ip6tables']) await on(lab(), host, program, '-P', 'FORWARD', 'DROP')
    }
    const dual = (digit: number) => ['--subnet', `10.${digit}.0.0/24`, '--subnet', `fd${digit}::/64`, '--ipv6']
    await weft(lab(), 'network', 'create', ...dual(61), '-o', 'egress=weft', 'out')
    await weft(lab(), 'network', 'create', ...dual(62), '-o', 'egress=weft', '-o', 'attach=macvlan', 'fast')
    await weft(lab(), 'network', 'create', ...dual(63), '-o', 'egress=weft', '-d', 'bridge', 'local')
    await weft(lab(), 'network', 'create', ...dual(64), '-o', 'egress=weft', '-o', 'nat=false', 'routed')
    await weft(lab(), 'network', 'create', ...dual(65), '-o', 'egress=weft', '--internal', 'closed')
    await weft(lab(), 'network', 'create', ...dual(66), 'plain')
    const more = ['-o', 'egress=weft', '-o', 'flood=true', '-o', 'icc=false']
    await weft(lab(), 'network', 'create', ...dual(67), ...more, 'parted')
    await weft(lab(), 'network', 'create', '--ipv4=false', '--subnet', 'fd68::/64', '-o', 'egress=weft', 'six')
    await weft(lab(), 'network', 'create', ...dual(69), '-o', 'egress=none', 'alone')
    // The wire's own router is the machine outside, which answers there itself.
    const wire = ['--subnet', '10.250.0.0/24', '--ip-range', '10.250.0.64/28', '--gateway', outside.ipv4]
    await weft(lab(), 'network', 'create', '-d', 'macvlan', '-o', 'parent=eth0', ...wire, 'wire')
    const all = ['out', 'fast', 'local', 'routed', 'closed', 'plain', 'parted', 'six', 'alone', 'wire']
    const each = all.map((network) => runContainer(lab(), 'docker1', `c-${network}`, network))
    await Promise.all([...each, runContainer(lab(), 'docker2', 'far', 'out')])
  }, 90_000)
  afterAll(async () => await outside.close())

  /** Sends BYTES by HTTP from a container; what the server outside answers, or undefined when nothing came back. */
  async function asks(host: string, container: string, address: string) {
    const url = `http://${address.includes(':') ? `[${address}]` : address}:${TELLING_PORT}/`
    const script = `head -c ${BYTES} /dev/zero | curl -s --globoff --max-time 3 --data-binary @- '${url}'`
    const { code, stdout } = await tryOn(lab(), host, 'docker', 'exec', container, 'sh', '-c', script)
    return code === 0 ? (JSON.parse(stdout) as { from: string; bytes: number; sha256: string }) : undefined
  }
  const host = (name: string) => findHost(lab(), name)

  it.each(['out', 'fast', 'local', 'parted'])(
    'leaves %s by its own host, under the host’s address, IPv4 and IPv6',
    async (network) => {
      const { ipv4, ipv6 } = host('docker1')
      const came = { bytes: BYTES, sha256: SHA256 }
      expect(await asks('docker1', `c-${network}`, outside.ipv4)).toEqual({ from: ipv4, ...came })
      expect(await asks('docker1', `c-${network}`, outside.ipv6)).toEqual({ from: ipv6, ...came })
      expect(await on(lab(), 'docker1', 'docker', 'exec', `c-${network}`, 'ls', '/sys/class/net')).toBe('eth0\nlo')
    },
  )

  it('leaves by the other host where the container is there, by the same gateway and MAC', async () => {
    expect(await asks('docker2', 'far', outside.ipv4)).toMatchObject({ from: host('docker2').ipv4, bytes: BYTES })
    expect(await asks('docker2', 'far', outside.ipv6)).toMatchObject({ from: host('docker2').ipv6, bytes: BYTES })
    const gateway = async (at: string, container: string) =>
      await on(lab(), at, 'docker', 'exec', container, 'sh', '-c', 'ip route show default; ip neigh show 10.61.0.1')
    expect(await gateway('docker2', 'far')).toContain('default via 10.61.0.1')
    const mac = /lladdr (\S+)/
    expect(mac.exec(await gateway('docker2', 'far'))?.[1]).toBe(mac.exec(await gateway('docker1', 'c-out'))?.[1])
  })

  it('leaves a network without IPv4 as well', async () => {
    expect(await asks('docker1', 'c-six', outside.ipv6)).toMatchObject({ from: host('docker1').ipv6, bytes: BYTES })
    expect(await asks('docker1', 'c-six', outside.ipv4)).toBeUndefined()
  })

  it('leaves a macvlan by the wire, under the container’s own address', async () => {
    const { IPAddress } = await inspected(lab(), 'docker1', 'c-wire', 'wire')
    expect(await asks('docker1', 'c-wire', outside.ipv4)).toMatchObject({ from: IPAddress, bytes: BYTES })
    const route = await on(lab(), 'docker1', 'docker', 'exec', 'c-wire', 'ip', 'route', 'show', 'default')
    expect(route).toContain(`default via ${outside.ipv4} dev eth0`)
  })

  it('is seen under its own address where the network is routed, and reached from there', async () => {
    const { IPAddress, GlobalIPv6Address } = await inspected(lab(), 'docker1', 'c-routed', 'routed')
    await outside.exec('ip', 'route', 'add', '10.64.0.0/24', 'via', host('docker1').ipv4)
    await outside.exec('ip', '-6', 'route', 'add', 'fd64::/64', 'via', host('docker1').ipv6)
    expect(await asks('docker1', 'c-routed', outside.ipv4)).toMatchObject({ from: IPAddress, bytes: BYTES })
    expect(await asks('docker1', 'c-routed', outside.ipv6)).toMatchObject({ from: GlobalIPv6Address, bytes: BYTES })
    await outside.exec('ping', '-c', '1', '-W', '2', IPAddress)
  })

  it.each(['closed', 'alone'])('has no way out of %s: internal, or with egress=none', async (network) => {
    expect(await asks('docker1', `c-${network}`, outside.ipv4)).toBeUndefined()
    expect(await asks('docker1', `c-${network}`, outside.ipv6)).toBeUndefined()
    expect(await on(lab(), 'docker1', 'docker', 'exec', `c-${network}`, 'ip', 'route', 'show', 'default')).toBe('')
  })

  it('leaves by Docker’s bridge where that was chosen', async () => {
    expect(await asks('docker1', 'c-plain', outside.ipv4)).toMatchObject({ from: host('docker1').ipv4, bytes: BYTES })
  })

  it('does not lead from one network to another, nor to a container of Docker’s own', async () => {
    const reaches = async (from: string, address: string) =>
      (await tryOn(lab(), 'docker1', 'docker', 'exec', from, 'ping', '-c', '1', '-W', '1', address)).code === 0
    const fast = await inspected(lab(), 'docker1', 'c-fast', 'fast')
    const routed = await inspected(lab(), 'docker1', 'c-routed', 'routed')
    await on(lab(), 'docker1', 'docker', 'run', '-d', '--name', 'stranger', 'weft/tools', 'sleep', '3600')
    const stranger = await inspected(lab(), 'docker1', 'stranger', 'bridge')
    const targets = [fast.IPAddress, fast.GlobalIPv6Address, routed.IPAddress, stranger.IPAddress]
    expect(await Promise.all(targets.map((address) => reaches('c-out', address)))).toEqual(targets.map(() => false))
    const { IPAddress } = await inspected(lab(), 'docker1', 'c-out', 'out')
    expect(await reaches('stranger', IPAddress)).toBe(false)
    await outside.exec('ip', 'route', 'add', '10.61.0.0/24', 'via', host('docker1').ipv4)
    await expect(outside.exec('ping', '-c', '1', '-W', '1', IPAddress)).rejects.toThrow()
    await on(lab(), 'docker1', 'docker', 'rm', '-f', 'stranger')
  })

  it('lets nobody leave under an address that is not of his network', async () => {
    const forged = '10.61.99.99'
    const sandbox = await on(lab(), 'docker1', 'docker', 'inspect', '-f', '{{.NetworkSettings.SandboxKey}}', 'c-routed')
    const there = (...argv: string[]) => on(lab(), 'docker1', 'nsenter', `--net=${sandbox}`, ...argv)
    await there('ip', 'address', 'add', `${forged}/32`, 'dev', 'eth0')
    await expect(there('ping', '-c', '1', '-W', '1', '-I', forged, outside.ipv4)).rejects.toThrow()
    await there('ip', 'address', 'del', `${forged}/32`, 'dev', 'eth0')
  })

  it('is repaired: gateway, rules and the room in iptables that somebody takes away', async () => {
    const name = await on(lab(), 'docker1', 'sh', '-c', "ip -br address | awk '/10.61.0.1/ {print $1}' | cut -d@ -f1")
    for (const damage of [
      ['ip', 'link', 'del', name],
      ['nft', 'flush', 'table', 'inet', 'weft_gateway'],
      ['iptables', '-F', 'FORWARD'],
    ]) {
      await on(lab(), 'docker1', ...damage)
      await eventually(
        `way out after ${damage.join(' ')}`,
        4000,
        async () => await asks('docker1', 'c-out', outside.ipv4),
      )
    }
    expect(await asks('docker1', 'c-out', outside.ipv4)).toMatchObject({ from: host('docker1').ipv4, bytes: BYTES })
  })

  it('goes with the last network of its kind, and leaves nothing', async () => {
    const names = ['out', 'fast', 'local', 'routed', 'closed', 'parted', 'six']
    for (const network of names) await on(lab(), 'docker1', 'docker', 'rm', '-f', `c-${network}`)
    await on(lab(), 'docker2', 'docker', 'rm', '-f', 'far')
    await eventually('networks are removed', 10_000, async () =>
      (await tryWeft(lab(), 'network', 'rm', ...names)).code === 0 ? true : undefined,
    )
    const left = 'nft list tables | grep weft_gateway; ip -br link | grep wfg; iptables -S FORWARD | grep weft'
    await eventually('nothing is left', 5000, async () =>
      (await tryOn(lab(), 'docker1', 'sh', '-c', left)).stdout === '' ? true : undefined,
    )
  })
})
