/** `weft controller init` and `weft join` beside what else Debian starts. */

import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { bootMachines, type Machine, type Machines, makeCluster, reaches, runContainer } from './machine.ts'
import { whyNot } from './tree.ts'

const reason = whyNot()

describe.skipIf(reason !== undefined)(`setting up${reason === undefined ? '' : ` (${reason})`}`, () => {
  let machines: Machines
  let host: Machine

  beforeAll(async () => {
    machines = await bootMachines()
    host = machines.first
  })
  afterAll(() => machines?.close())

  it('refuses the ports that Debian’s own services hold, by their names, and writes nothing', async () => {
    await host.must(['systemctl', 'start', 'nats-server.service'])
    const refused = await host.exec(['weft', 'controller', 'init', '--listen', '127.0.0.1:7474'])
    expect(refused).toMatchObject({ code: 4, out: '' })
    expect(refused.err).toContain('nats-server of nats-server.service listens there')
    expect(refused.err).toContain('systemctl disable --now nats-server.service')
    const onEtcdsPort = ['--nats-listen', '127.0.0.1:2379', '--listen', '10.78.0.1:7474']
    const etcd = await host.exec(['weft', 'controller', 'init', ...onEtcdsPort])
    expect(etcd.code, 'nobody listens there yet').toBe(0)
    await host.must(['systemctl', 'disable', '--now', '--quiet', 'weft-controller.service'])
    await host.shell('rm -r /etc/weft/controller.json /var/lib/weft')
    await host.must(['systemctl', 'start', 'etcd.service'])
    const held = await host.exec(['weft', 'controller', 'init', ...onEtcdsPort])
    expect(held.code).toBe(4)
    expect(held.err).toContain('systemctl disable --now etcd.service')
    expect((await host.exec(['ls', '/etc/weft/controller.json', '/var/lib/weft/secret'])).out).toBe('')
    await host.must(['systemctl', 'stop', 'etcd.service', 'nats-server.service'])
    await host.must(['weft', 'controller', 'init', '--listen', '127.0.0.1:7474'])
    await host.must(['systemctl', 'disable', '--now', '--quiet', 'weft-controller.service'])
    await host.shell('rm -r /etc/weft/controller.json /var/lib/weft')
  })

  it('a new certificate of the same CA: no host notices, and no packet is lost', async () => {
    const { second } = machines
    await makeCluster(machines)
    await host.must(['weft', 'network', 'create', '--subnet', '10.20.0.0/24', 'over'])
    await host.must(['weft', 'status', '--wait', '--timeout', '30s'])
    const address = await runContainer(host, 'c1', 'over')
    await runContainer(second, 'c2', 'over')
    expect(await reaches(second, 'c2', address)).toBe(true)
    const certificate = () => new X509Certificate(fs.readFileSync(path.join(host.root, 'var/lib/weft/tls/server.crt')))
    const before = certificate()
    const pinging = second.exec(['docker', 'exec', 'c2', 'ping', '-i', '0.1', '-w', '8', '-W', '5', address])
    const until = await host.must(['weft', 'controller', 'renew-certificate'])
    const [, sent = '', received = 'none'] = /(\d+) packets transmitted, (\d+) /.exec((await pinging).out) ?? []
    expect(received).toBe(sent)
    expect(certificate().serialNumber).not.toBe(before.serialNumber)
    expect(until).toBe(new Date(certificate().validTo).toISOString())
    await host.must(['weft', 'status', '--wait', '--timeout', '60s'], { timeoutMs: 90_000 })
    // By the new certificate, which it verifies with the CA that it has had since it joined.
    await second.must(['weft', 'join', '/root/join'], { timeoutMs: 120_000 })
  })

  it('a host that is silent is removed, one that is alive never; its addresses go by force alone', async () => {
    const { second } = machines
    const alive = await host.exec(['weft', 'host', 'rm', '--force', 'host2'])
    expect(alive).toMatchObject({ code: 4, err: expect.stringMatching(/alive.*weft leave/s) })
    await second.must(['systemctl', 'stop', 'weft-agent.socket', 'weft-agent.service'])
    await waitFor(async () => (await host.must(['weft', 'host', 'ls', '-f', 'state=silent', '-q'])) === 'host2', {
      what: 'host2 to be silent',
      timeoutMs: 90_000,
      intervalMs: 1_000,
    })
    const used = await host.exec(['weft', 'host', 'rm', 'host2'])
    expect(used).toMatchObject({ code: 4, err: expect.stringMatching(/c2.*10\.20\.0\.\d+.*--force host2/s) })
    expect(await host.must(['weft', 'host', 'rm', '--force', 'host2'])).toBe('host2')
    expect(await host.must(['weft', 'host', 'ls', '-q'])).toBe('host1')
    expect(await host.must(['weft', 'endpoint', 'ls'])).not.toContain('c2')
    await host.must(['weft', 'network', 'create', '--subnet', '10.21.0.0/24', 'later'])
    await host.must(['weft', 'status', '--wait', '--timeout', '30s'])
  })
})
