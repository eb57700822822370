/** The package's units under a systemd: what they tell it, what it does when one hangs or dies, and what outlives what. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { bootOverlay, type Machine, type Overlay, reaches } from './machine.ts'
import { whyNot } from './tree.ts'

const SERVICES = ['weft-controller.service', 'weft-agent.service', 'weft-dns.service'] as const
/** Worst mark of `systemd-analyze security` that each may have; 10 is no sandbox at all. */
const EXPOSURE = { 'weft-controller.service': 2.5, 'weft-agent.service': 4.5, 'weft-dns.service': 4 } as const

const reason = whyNot()

describe.skipIf(reason !== undefined)(`units of the package${reason === undefined ? '' : ` (${reason})`}`, () => {
  let machines: Overlay
  let first: Machine
  let address = ''

  beforeAll(async () => {
    machines = await bootOverlay()
    first = machines.first
    address = machines.addresses[1]
  })
  afterAll(() => machines?.close())

  const pidOf = (machine: Machine, unit: string) => machine.property(unit, 'MainPID')
  const changedPid = (machine: Machine, unit: string, before: string, timeoutMs: number) =>
    waitFor(
      async () => {
        const [pid, state] = [await pidOf(machine, unit), await machine.property(unit, 'ActiveState')]
        return pid !== before && pid !== '0' && state === 'active' ? pid : undefined
      },
      { what: `${unit} to be started anew`, timeoutMs, intervalMs: 250 },
    )

  it('hold before systemd, and have a sandbox', async () => {
    const units = [...SERVICES, 'weft-fabric.service', 'weft-agent.socket']
    const verified = await first.exec(['systemd-analyze', 'verify', '--man=no', ...units])
    expect(verified).toEqual({ code: 0, out: '', err: '' })
    for (const [unit, worst] of Object.entries(EXPOSURE)) {
      const { out } = await first.exec(['systemd-analyze', 'security', '--no-pager', unit])
      const mark = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(out)?.[1])
      expect(mark, `${unit}: ${out.trim().split('\n').at(-1)}`).toBeLessThanOrEqual(worst)
    }
  })

  it('tell that they serve, and are watched', async () => {
    for (const unit of SERVICES) {
      const seen = await Promise.all(
        ['Type', 'ActiveState', 'WatchdogTimestampMonotonic'].map((name) => first.property(unit, name)),
      )
      expect(seen, unit).toEqual(['notify', 'active', expect.stringMatching(/^[1-9]\d*$/)])
    }
    expect(await first.property('weft-agent.service', 'StatusText')).toBe('serves Docker')
    expect(await first.property('weft-controller.service', 'StatusText')).toBe('serves 10.78.0.1:7474')
    expect(await first.property('weft-agent.service', 'WatchdogUSec')).toBe('1min')
  })

  it.each(SERVICES)('%s hangs, and is started anew by its watchdog', async (unit) => {
    await first.dropIn(unit, '[Service]\nWatchdogSec=4\nTimeoutAbortSec=2\n')
    await first.must(['systemctl', 'restart', unit])
    const before = await pidOf(first, unit)
    // Longer than it may be silent: it is alive, and says so.
    await new Promise((resolve) => setTimeout(resolve, 6_000))
    expect(await pidOf(first, unit)).toBe(before)
    await first.must(['kill', '-STOP', before])
    await changedPid(first, unit, before, 30_000)
    expect(await first.must(['journalctl', '--no-pager', '-u', unit, '-g', 'Watchdog timeout'])).toContain(unit)
    await first.removeDropIn(unit)
    await first.must(['systemctl', 'restart', unit])
    expect(await reaches(first, 'c1', address)).toBe(true)
    expect(await reaches(first, 'c1', 'c2')).toBe(true)
  })

  it('the fabric is removed: the agent ends, is started after what makes it, and all is made again', async () => {
    const before = await pidOf(first, 'weft-agent.service')
    await first.must(['ip', 'netns', 'del', 'weft'])
    await changedPid(first, 'weft-agent.service', before, 10_000)
    expect(await reaches(first, 'c1', address)).toBe(true)
    expect(await first.must(['ip', '-n', 'weft', '-br', 'link'])).toContain('wfx')
    expect(await first.must(['journalctl', '--no-pager', '-u', 'weft-agent', '-g', 'the fabric is gone'])).not.toBe('')
  })

  it('names are answered while the agent is away, and by the same resolver afterwards', async () => {
    const resolver = await pidOf(first, 'weft-dns.service')
    await first.must(['systemctl', 'stop', 'weft-agent.service'])
    try {
      expect(await reaches(first, 'c1', 'c2')).toBe(true)
    } finally {
      await first.must(['systemctl', 'start', 'weft-agent.service'])
    }
    expect(await pidOf(first, 'weft-dns.service')).toBe(resolver)
  })

  it('what no try mends is not tried again: exit 2, and Docker hears an error', async () => {
    await first.must(['chmod', '0644', '/etc/weft/agent-secret'])
    await first.exec(['systemctl', 'restart', 'weft-agent.service'])
    await waitFor(async () => (await first.property('weft-agent.service', 'ActiveState')) === 'failed', {
      what: 'the agent to be given up',
      timeoutMs: 20_000,
      intervalMs: 200,
    })
    expect(await first.property('weft-agent.service', 'ExecMainStatus')).toBe('2')
    expect(await first.must(['journalctl', '--no-pager', '-u', 'weft-agent', '-n', '20'])).toContain('chmod 600')
    const refused = await first.exec(['docker', 'run', '--rm', '--network', 'over', 'busybox', 'true'])
    expect(refused.code).not.toBe(0)
    expect(await reaches(first, 'c1', address)).toBe(true)
    await first.must(['chmod', '0600', '/etc/weft/agent-secret'])
    await first.must(['systemctl', 'start', 'weft-agent.socket', 'weft-agent.service'])
    await first.must(['docker', 'run', '--rm', '--network', 'over', 'busybox', 'true'])
  })
})
