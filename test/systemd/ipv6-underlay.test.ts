/** Hosts whose VXLAN goes over IPv6, while they reach their controller by IPv4. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootMachines, type Machines, makeCluster, reaches, runContainer } from './machine.ts'
import { whyNot } from './tree.ts'

const reason = whyNot()

describe.skipIf(reason !== undefined)(`an underlay of IPv6${reason === undefined ? '' : ` (${reason})`}`, () => {
  let machines: Machines

  beforeAll(async () => {
    machines = await bootMachines()
    await makeCluster(machines, ['--underlay', 'fd78::1'], ['--underlay', 'fd78::2'])
  })
  afterAll(() => machines?.close())

  it('leaves room for its larger header, and carries containers', async () => {
    const { first, second } = machines
    await first.must(['weft', 'network', 'create', '--subnet', '10.20.0.0/24', 'over'])
    await first.must(['weft', 'status', '--wait', '--timeout', '30s'])
    await runContainer(first, 'c1', 'over')
    const address = await runContainer(second, 'c2', 'over')
    expect(await reaches(first, 'c1', address)).toBe(true)
    // 1500 less 40 of IPv6, 8 of UDP, 8 of VXLAN, 14 of Ethernet: as large as it may be, and not in fragments.
    expect(await first.must(['docker', 'exec', 'c1', 'cat', '/sys/class/net/eth0/mtu'])).toBe('1430')
    expect(await first.must(['docker', 'exec', 'c1', 'ping', '-c', '2', '-s', '1402', address])).toContain(
      ' 0% packet loss',
    )
    expect(await first.must(['ip', '-n', 'weft', '-d', 'link', 'show', 'type', 'vxlan'])).toContain('local fd78::1')
  })

  it('is measured by the doctor: port, size of packets, TCP', async () => {
    const { code, out } = await machines.first.exec(['weft', 'doctor', '--format', 'json'])
    const findings = JSON.parse(out) as { check: string; severity: string; measured: string }[]
    const pair = findings.filter(({ check }) => ['udp-port', 'path-mtu', 'offload'].includes(check))
    expect(pair.map(({ check, severity }) => `${check} ${severity}`).sort()).toEqual([
      'offload ok',
      'path-mtu ok',
      'udp-port ok',
    ])
    expect(pair.find(({ check }) => check === 'path-mtu')?.measured).toContain('1500 bytes pass')
    expect(code).toBe(0)
  })

  it('is what weft trace follows, out of the sandbox of the agent’s unit', async () => {
    const { code, out } = await machines.first.exec(['weft', 'trace', 'c1', 'c2', '--port', '9', '--format', 'json'])
    const { findings } = JSON.parse(out) as { findings: { check: string; severity: string; measured: string }[] }
    expect(findings.map(({ check, severity }) => `${check} ${severity}`)).toEqual([
      'interface ok',
      'interface ok',
      'route ok',
      'echo ok',
      'tcp error',
    ])
    expect(findings.at(-1)?.measured).toBe('nobody in c2 listens on TCP port 9')
    expect(code).toBe(7)
  })
})
