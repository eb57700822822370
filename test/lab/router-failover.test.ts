/**
 * A router and the death of its host (issue 4 point 6): another carries on within 3 s; when only its agent dies, or the whole
 * control plane, nothing moves and no packet is lost; and never do two hosts answer for long.
 */
import { routerNetns } from '@weft/shared'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  CONTROLLER,
  execIn,
  findHost,
  startAgent,
  startController,
  stopDockerd,
  stopProgram,
} from '../../cli/src/lab/index.ts'
import { run } from '../../cli/src/lab/run.ts'
import { inspected, on, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const PINGS_A_SECOND = 10
const WITHIN_PINGS = 3 * PINGS_A_SECOND

interface Router {
  readonly uid: string
  readonly host: string
  readonly generation: number
}

describe('router failover', () => {
  const lab = useLab('failover', { hosts: 3 })
  /** Where each network's container is. */
  const PLACES = { over: 'docker2', wire: 'docker3', apart: 'docker2' } as const
  type Net = keyof typeof PLACES

  const inspect = async (router: string): Promise<Router> =>
    (JSON.parse(await weft(lab(), 'router', 'inspect', router)) as Router[])[0] as Router
  const addressOf = async (network: Net) => (await inspected(lab(), PLACES[network], network, network)).IPAddress
  const reaches = (from: Net, to: string) =>
    eventually(`${from} reaches ${to}`, 8_000, async () => {
      const argv = ['docker', 'exec', from, 'ping', '-c', '1', '-W', '1', to]
      return (await tryOn(lab(), PLACES[from], ...argv)).code === 0 ? true : undefined
    })
  /** Pings ten times a second for so long; how many were lost while `meanwhile` happened. */
  async function lost(from: Net, to: string, seconds: number, meanwhile: () => Promise<unknown>): Promise<number> {
    const count = seconds * PINGS_A_SECOND
    const argv = ['docker', 'exec', from, 'ping', '-c', String(count), '-i', '0.1', '-W', '1', to]
    const stream = execIn(lab(), PLACES[from], argv)
    await new Promise((resolve) => setTimeout(resolve, 700))
    await meanwhile()
    const { stdout } = await stream
    const received = /(\d+)(?: packets)? received/.exec(stdout)?.[1]
    if (received === undefined) throw new Error(`ping said ${stdout}`)
    return count - Number(received)
  }
  const plug = (host: string, state: 'up' | 'down') =>
    run(['ip', '-n', lab().layout.switchNetns, 'link', 'set', 'dev', host, state])
  const carries = async (host: string, router: string) =>
    (await on(lab(), host, 'ip', 'netns', 'list')).includes(routerNetns((await inspect(router)).uid))

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.85.0.0/24', 'over')
    await weft(lab(), 'network', 'create', '-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '10.86.0.0/24', 'wire')
    await weft(lab(), 'network', 'create', '--subnet', '10.87.0.0/24', 'apart')
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    for (const [network, host] of Object.entries(PLACES)) await runContainer(lab(), host, network, network)
    await weft(lab(), 'router', 'create', '--host', 'docker1', 'r1')
    await weft(lab(), 'router', 'connect', 'r1', 'over', 'wire')
    await reaches('over', await addressOf('wire'))
  }, 120_000)

  it('a killed agent moves nothing, a killed control plane neither, and no packet is lost', async () => {
    const to = await addressOf('wire')
    const docker1 = findHost(lab(), 'docker1')
    expect(await lost('over', to, 5, () => stopProgram(docker1, 'SIGKILL'))).toBe(0)
    expect(await inspect('r1')).toMatchObject({ host: 'docker1', generation: 1 })
    const controller = findHost(lab(), CONTROLLER)
    expect(await lost('over', to, 4, () => stopProgram(controller, 'SIGKILL'))).toBe(0)
    await startAgent(lab().layout, docker1)
    await startController(lab().layout)
    await weft(lab(), 'status', '--wait', '--timeout', '30s')
    expect(await inspect('r1')).toMatchObject({ host: 'docker1', generation: 1 })
  })

  it('a dead host’s router is carried on by another within 3 s, overlay to macvlan and back', async () => {
    const to = await addressOf('wire')
    const docker1 = findHost(lab(), 'docker1')
    const missed = await lost('over', to, 8, () =>
      Promise.all([plug('docker1', 'down'), stopProgram(docker1, 'SIGKILL'), stopDockerd(docker1, 'SIGKILL')]),
    )
    expect(missed).toBeGreaterThan(0)
    expect(missed).toBeLessThanOrEqual(WITHIN_PINGS)
    const { host, generation } = await inspect('r1')
    expect(host).not.toBe('docker1')
    expect(generation).toBe(2)
    await reaches('wire', await addressOf('over'))
  })

  it('a host that comes back takes nothing up by what it remembers', async () => {
    const docker1 = findHost(lab(), 'docker1')
    // What a reboot takes.
    await on(lab(), 'docker1', 'ip', 'netns', 'delete', routerNetns((await inspect('r1')).uid))
    await startAgent(lab().layout, docker1)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await carries('docker1', 'r1')).toBe(false)
    expect(await lost('over', await addressOf('wire'), 5, () => plug('docker1', 'up'))).toBe(0)
    expect(await carries('docker1', 'r1')).toBe(false)
  })

  it('a host that is cut off lays its router down by itself, and another carries on', async () => {
    await eventually('docker1 can carry r2', 20_000, async () => {
      await tryWeft(lab(), 'router', 'create', '--host', 'docker1', 'r2')
      if ((await inspect('r2')).host === 'docker1') return true
      await weft(lab(), 'router', 'rm', 'r2')
      return undefined
    })
    await weft(lab(), 'router', 'connect', 'r2', 'apart', 'wire')
    await reaches('apart', await addressOf('wire'))
    expect(await carries('docker1', 'r2')).toBe(true)
    const missed = await lost('apart', await addressOf('wire'), 8, () => plug('docker1', 'down'))
    expect(missed).toBeLessThanOrEqual(WITHIN_PINGS)
    expect((await inspect('r2')).host).not.toBe('docker1')
    expect(await carries('docker1', 'r2')).toBe(false)
    await plug('docker1', 'up')
  })
})
