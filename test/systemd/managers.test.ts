/** What else configures links on a host: systemd-networkd, udev and NetworkManager, running, beside links of Weft's. */
import fs from 'node:fs'
import path from 'node:path'
import { WEFT_LINK_GROUP } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { bootMachines, type Machine, type Machines } from './machine.ts'
import { whyNot } from './tree.ts'

const reason = whyNot()

/** A link of Weft's and a stranger's beside it, which shows that the manager does work. */
const OURS = 'wfb0test'
/** As a VLAN sub-interface is: by its name nobody's. */
const SUB = 'sub7.100'
const STRANGER = 'other0'
const GREEDY = '[Match]\nName=wf* sub* other*\n\n[Network]\nConfigureWithoutCarrier=yes\nAddress=192.0.2.77/24\n'

describe.skipIf(reason !== undefined)(`managers of networks${reason === undefined ? '' : ` (${reason})`}`, () => {
  let machines: Machines
  let host: Machine

  beforeAll(async () => {
    machines = await bootMachines()
    host = machines.first
  })
  afterAll(() => machines?.close())

  const make = async () => {
    for (const name of [OURS, SUB])
      await host.must(['ip', 'link', 'add', 'name', name, 'group', String(WEFT_LINK_GROUP), 'type', 'bridge'])
    await host.must(['ip', 'link', 'add', 'name', STRANGER, 'type', 'bridge'])
    for (const name of [OURS, SUB, STRANGER]) await host.must(['ip', 'link', 'set', 'dev', name, 'up'])
    await host.must(['udevadm', 'settle'])
  }
  const remove = async () => {
    for (const name of [OURS, SUB, STRANGER]) await host.must(['ip', 'link', 'del', 'dev', name])
  }
  const addresses = async (name: string) => {
    const [link] = JSON.parse(await host.must(['ip', '-j', '-4', 'address', 'show', 'dev', name])) as {
      addr_info?: { local: string }[]
    }[]
    return (link?.addr_info ?? []).map(({ local }) => local)
  }

  it('udev keeps the MAC that a link of ours was born with, and gives a stranger another', async () => {
    const macs = async () =>
      await Promise.all([OURS, STRANGER].map((name) => host.must(['cat', `/sys/class/net/${name}/address`])))
    await host.must([
      'systemctl',
      'stop',
      'systemd-udevd.service',
      'systemd-udevd-kernel.socket',
      'systemd-udevd-control.socket',
    ])
    await host.must(['ip', 'link', 'add', 'name', OURS, 'group', String(WEFT_LINK_GROUP), 'type', 'bridge'])
    await host.must(['ip', 'link', 'add', 'name', STRANGER, 'type', 'bridge'])
    const born = await macs()
    await host.must(['systemctl', 'start', 'systemd-udevd.service'])
    await host.shell(`udevadm trigger --action=add /sys/class/net/${OURS} /sys/class/net/${STRANGER}; udevadm settle`)
    const after = await macs()
    expect(after[0]).toBe(born[0])
    expect(after[1]).not.toBe(born[1])
    for (const name of [OURS, STRANGER]) await host.must(['ip', 'link', 'del', 'dev', name])
  })

  it('networkd leaves our links, and routes and rules that it did not make', async () => {
    fs.mkdirSync(path.join(host.root, 'etc/systemd/network'), { recursive: true })
    fs.writeFileSync(path.join(host.root, 'etc/systemd/network/50-greedy.network'), GREEDY)
    await host.must(['systemctl', 'start', 'systemd-networkd.service'])
    await make()
    await waitFor(async () => (await addresses(STRANGER)).includes('192.0.2.77'), {
      what: 'networkd to configure the stranger',
      timeoutMs: 20_000,
      intervalMs: 200,
    })
    // As a shim has them.
    await host.must(['ip', 'address', 'add', '198.51.100.1/24', 'dev', OURS])
    await host.must(['ip', 'route', 'add', '203.0.113.0/24', 'via', '198.51.100.2', 'dev', OURS, 'proto', 'static'])
    await host.must(['ip', 'rule', 'add', 'from', '203.0.113.7', 'lookup', '100', 'priority', '1000'])
    await host.must(['systemctl', 'restart', 'systemd-networkd.service'])
    await host.must(['networkctl', 'reload'])
    await waitFor(async () => (await host.must(['networkctl', '--no-legend', 'list', OURS])).includes('unmanaged'), {
      what: 'networkd to leave our link',
      timeoutMs: 20_000,
      intervalMs: 200,
    })
    expect(await host.must(['networkctl', '--no-legend', 'list', SUB])).toContain('unmanaged')
    expect([await addresses(OURS), await addresses(SUB)]).toEqual([['198.51.100.1'], []])
    expect(await host.must(['ip', 'route', 'show', '203.0.113.0/24'])).toContain('via 198.51.100.2')
    expect(await host.must(['ip', 'rule', 'list'])).toContain('from 203.0.113.7')
    // Without the package's file it takes the rule for its own to remove.
    fs.rmSync(path.join(host.root, 'usr/lib/systemd/networkd.conf.d/50-weft.conf'))
    await host.must(['systemctl', 'restart', 'systemd-networkd.service'])
    await waitFor(async () => !(await host.must(['ip', 'rule', 'list'])).includes('203.0.113.7'), {
      what: 'networkd to remove the rule',
      timeoutMs: 20_000,
      intervalMs: 200,
    })
    await remove()
    await host.must(['systemctl', 'stop', 'systemd-networkd.socket', 'systemd-networkd.service'])
  })

  it('NetworkManager does not manage our links, whatever their names', async () => {
    await host.must(['systemctl', 'start', 'NetworkManager.service'])
    await make()
    // NetworkManager takes what has an address, and calls it "connected (externally)".
    for (const [index, name] of [OURS, SUB, STRANGER].entries())
      await host.must(['ip', 'address', 'add', `198.51.100.${index + 1}/32`, 'dev', name])
    const states = async () => {
      const lines = (await host.must(['nmcli', '-t', '-f', 'DEVICE,STATE', 'device'])).split('\n')
      return Object.fromEntries(lines.map((line) => line.replaceAll('\\:', '.').split(':', 2)))
    }
    await waitFor(async () => !['unmanaged', undefined].includes((await states())[STRANGER]), {
      what: 'NetworkManager to take the stranger',
      timeoutMs: 20_000,
      intervalMs: 200,
    })
    expect(await states()).toMatchObject({ [OURS]: 'unmanaged', [SUB]: 'unmanaged' })
    await remove()
    await host.must(['systemctl', 'stop', 'NetworkManager.service'])
  })
})
