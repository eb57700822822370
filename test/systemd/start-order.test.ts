/** Boots, in whatever order the parts come up: Docker's containers are back, with their addresses and names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { addressOf, bootOverlay, type Machine, type Overlay, reaches } from './machine.ts'
import { whyNot } from './tree.ts'

/** Four times what Docker looks for a plugin that is not there (1 + 2 + 4 + 8 s). */
const LATE_S = 60

const reason = whyNot()

describe.skipIf(reason !== undefined)(`order of starting${reason === undefined ? '' : ` (${reason})`}`, () => {
  let machines: Overlay
  let first: Machine
  let second: Machine
  let before: readonly string[] = []

  beforeAll(async () => {
    machines = await bootOverlay()
    first = machines.first
    second = machines.second
    before = machines.addresses
  })
  afterAll(() => machines?.close())

  const isBack = async (machine: Machine, name: string, timeoutMs = 120_000) =>
    await waitFor(
      async () => (await machine.exec(['docker', 'inspect', '-f', '{{.State.Running}}', name])).out.trim() === 'true',
      { what: `${name} to run again`, timeoutMs, intervalMs: 500 },
    )
  const expectAllBack = async () => {
    await Promise.all([isBack(first, 'c1'), isBack(second, 'c2')])
    expect([await addressOf(first, 'c1', 'over'), await addressOf(second, 'c2', 'over')]).toEqual(before)
    expect(await reaches(first, 'c1', 'c2')).toBe(true)
    expect(await reaches(second, 'c2', 'c1')).toBe(true)
  }
  const reboot = async (...who: readonly Machine[]) => {
    await Promise.all(who.map((machine) => machine.shutDown()))
    await Promise.all(who.map((machine) => machine.boot()))
  }
  /** While the agent is not up yet, as an admin does who knows of no order. */
  const startDockerBeside = async (machine: Machine) => {
    const isDue = async () =>
      (await machine.exec(['systemctl', 'is-active', 'weft-agent.service'])).out.trim() === 'activating' &&
      (await machine.exec(['systemctl', 'start', 'containerd.service', 'docker.socket'])).code === 0
    await waitFor(isDue, { what: 'the agent to be waited for', timeoutMs: 60_000, intervalMs: 500 })
    await machine.must(['systemctl', 'start', '--no-block', '--job-mode=ignore-dependencies', 'docker.service'])
  }

  it('both machines at once, the controller among them', async () => {
    await reboot(first, second)
    await expectAllBack()
    expect(await second.must(['systemctl', '--failed', '--no-legend'])).toBe('')
  })

  it(`the agents come up ${LATE_S} s late: one Docker waits for its own, the other asks at once and waits for the answer`, async () => {
    const late = `[Service]\nExecStartPre=/bin/sleep ${LATE_S}\n`
    await Promise.all([first, second].map((machine) => machine.dropIn('weft-agent.service', late)))
    await first.must(['systemctl', 'disable', '--quiet', 'docker.service'])
    try {
      await Promise.all([reboot(first, second), startDockerBeside(first)])
      const since = async (machine: Machine, unit: string) =>
        Number(await machine.property(unit, 'ExecMainStartTimestampMonotonic'))
      expect(await since(first, 'docker.service')).toBeLessThan(await since(first, 'weft-agent.service'))
      expect(await since(second, 'docker.service')).toBeGreaterThan(await since(second, 'weft-agent.service'))
      await expectAllBack()
    } finally {
      await first.must(['systemctl', 'enable', '--quiet', 'docker.service'])
      await Promise.all([first, second].map((machine) => machine.removeDropIn('weft-agent.service')))
    }
  })

  it('Docker first, and the agent only when Docker has given up: it starts what Docker could not', async () => {
    const units = ['weft-agent.socket', 'weft-agent.service', 'weft-dns.service']
    await second.must(['systemctl', 'disable', '--quiet', ...units])
    await reboot(second)
    await waitFor(
      async () => (await second.exec(['docker', 'inspect', '-f', '{{.State.Status}}', 'c2'])).out.trim() === 'exited',
      { what: 'Docker to give up on c2', timeoutMs: 120_000, intervalMs: 1_000 },
    )
    await second.must(['systemctl', 'enable', '--now', '--quiet', ...units])
    await expectAllBack()
  })

  it('the agent first, and Docker only later', async () => {
    await second.must(['systemctl', 'disable', '--quiet', 'docker.service'])
    await reboot(second)
    expect(await second.property('weft-agent.service', 'ActiveState')).toBe('active')
    await second.must(['systemctl', 'enable', '--now', '--quiet', 'docker.service'], { timeoutMs: 120_000 })
    await expectAllBack()
  })

  it('an agent that cannot start at all keeps Docker from nothing of its own', async () => {
    await second.dropIn('weft-agent.service', '[Service]\nExecStart=\nExecStart=/bin/false\n')
    await reboot(second)
    await waitFor(async () => (await second.property('docker.service', 'ActiveState')) === 'active', {
      what: 'Docker to start',
      timeoutMs: 170_000,
      intervalMs: 500,
    })
    await second.must(['docker', 'run', '--rm', '--network', 'none', 'busybox', 'true'])
    await second.removeDropIn('weft-agent.service')
    await second.must(['systemctl', 'restart', 'weft-agent.service'])
    await expectAllBack()
  })
})
