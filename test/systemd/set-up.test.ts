/** `weft controller init` and `weft join` beside what else Debian starts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootMachines, type Machine, type Machines } from './machine.ts'
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
    const etcd = await host.exec([
      'weft',
      'controller',
      'init',
      '--nats-listen',
      '127.0.0.1:2379',
      '--listen',
      '10.78.0.1:7474',
    ])
    expect(etcd.code, 'nobody listens there yet').toBe(0)
    await host.must(['systemctl', 'disable', '--now', '--quiet', 'weft-controller.service'])
    await host.shell('rm -r /etc/weft/controller.json /var/lib/weft')
    await host.must(['systemctl', 'start', 'etcd.service'])
    const held = await host.exec([
      'weft',
      'controller',
      'init',
      '--nats-listen',
      '127.0.0.1:2379',
      '--listen',
      '10.78.0.1:7474',
    ])
    expect(held.code).toBe(4)
    expect(held.err).toContain('systemctl disable --now etcd.service')
    expect((await host.exec(['ls', '/etc/weft/controller.json', '/var/lib/weft/secret'])).out).toBe('')
    await host.must(['systemctl', 'stop', 'etcd.service', 'nats-server.service'])
    await host.must(['weft', 'controller', 'init', '--listen', '127.0.0.1:7474'])
  })
})
