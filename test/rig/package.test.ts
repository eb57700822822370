/**
 * The package's life on a host that carries traffic: installed again over itself (an upgrade to the same version runs
 * the same scripts), its agent killed, purged. One story, in order, on the README's network and one of its own.
 */
import { type StatusView, WEFT_LINK_GROUP } from '@weft/shared'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import { attach, failures, type Rig } from './rig.ts'
import { addressOf, ask, converged, docker, parsePings, ping, runContainer, weft } from './story.ts'

/** Worst mark of `systemd-analyze security` that a unit may have; 10 is no sandbox at all. */
const EXPOSURE = { 'weft-agent.service': 4.5, 'weft-controller.service': 2.5 } as const

const OVERLAY = 'mynet'

const isLong = process.env.RIG_LONG === '1'

describe.skipIf(inject('rigReason') !== '')('the package on a host in use', () => {
  let rig: Rig
  let address = ''

  beforeAll(async () => {
    rig = attach()
    await converged(rig.controller, 2)
    const [first, second] = rig.hosts
    const create = (...options: string[]) => weft(rig.controller, 'network', 'create', ...options)
    // readme.test.ts leaves it; alone, this file makes it.
    if ((await docker(first, 'network', 'ls', '-q', '-f', `name=^${OVERLAY}$`)) === '')
      await create('--subnet', '10.20.0.0/24', OVERLAY)
    await Promise.all([
      create('-d', 'macvlan', '--subnet', '10.92.0.0/24', '-o', 'parent=eth1.91', 'wire'),
      runContainer(first, 'p1', OVERLAY),
      runContainer(second, 'p2', OVERLAY),
    ])
    await converged(rig.controller, 2)
    address = await addressOf(second, 'p2', OVERLAY)
    expect((await ping(first, 'p1', address)).received).toBe(3)
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('its units are sandboxed', async () => {
    for (const [unit, worst] of Object.entries(EXPOSURE)) {
      const { out } = await rig.hosts[1].exec(['systemd-analyze', 'security', '--no-pager', unit])
      const mark = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(out)?.[1])
      expect(mark, `${unit}: ${out.trim().split('\n').at(-1)}`).toBeLessThanOrEqual(worst)
    }
  })

  it('an upgrade of the agent loses no packet, and the plugin socket never goes', async () => {
    const [first, second] = rig.hosts
    const before = await second.must(['systemctl', 'show', '-p', 'MainPID', '--value', 'weft-agent'])
    const socket = await second.must(['stat', '-c', '%i', '/run/docker/plugins/weft.sock'])
    const pinging = first.exec(['docker', 'exec', 'p1', 'ping', '-i', '0.2', '-W', '5', address], {
      timeoutMs: 240_000,
    })
    await second.must(['sh', '-c', 'dpkg --install /root/weft_*.deb'], { timeoutMs: 180_000 })
    await docker(first, 'exec', 'p1', 'killall', '-INT', 'ping')
    const pings = parsePings((await pinging).out)
    expect(pings.sent).toBeGreaterThan(50)
    expect(pings.received).toBe(pings.sent)
    expect(await second.must(['systemctl', 'show', '-p', 'MainPID', '--value', 'weft-agent'])).not.toBe(before)
    expect(await second.must(['stat', '-c', '%i', '/run/docker/plugins/weft.sock'])).toBe(socket)
    await converged(rig.controller, 2)
  })

  it.skipIf(!isLong)('a killed agent is back by itself, and Docker’s next call is answered', async () => {
    const [first, second] = rig.hosts
    await second.must(['systemctl', 'kill', '--signal=KILL', 'weft-agent.service'])
    await runContainer(second, 'p3', OVERLAY)
    expect((await ping(first, 'p1', await addressOf(second, 'p3', OVERLAY))).received).toBeGreaterThan(0)
    expect((await ping(first, 'p1', address)).received).toBe(3)
  })

  it('purge leaves nothing of ours in Docker, in the kernel, on the disk', async () => {
    const [, second] = rig.hosts
    await docker(second, 'rm', '-f', ...(await docker(second, 'ps', '-aq')).split('\n'))
    expect((await second.must(['ip', 'netns', 'list'])).trim()).toContain('weft')
    expect(await second.must(['ip', '-br', 'link', 'show', 'eth1.91'])).toContain('eth1.91')
    await second.must(['dpkg', '--purge', 'weft'], { timeoutMs: 240_000 })
    const remains = {
      networks: await docker(second, 'network', 'ls', '-q', '-f', 'driver=weft'),
      links: await second.must(['ip', '-br', 'link', 'show', 'group', String(WEFT_LINK_GROUP)]),
      namespace: await second.must(['ip', 'netns', 'list']),
      tables: await second.shell('nft list tables | grep weft_ || true'),
      files: await second.shell("find /etc /usr /run /var -xdev -name '*weft*' -not -path '/var/lib/rig/*' || true"),
      processes: (await second.exec(['pgrep', '-fa', '/usr/lib/weft'])).out,
    }
    for (const [what, found] of Object.entries(remains)) expect(found.trim(), what).toBe('')
  })

  it.skipIf(!isLong)('the cluster says so and goes on', async () => {
    const [first] = rig.hosts
    await waitFor(
      async () => {
        const { hosts } = await ask<StatusView>(rig.controller, '/v1/status')
        return hosts.find(({ id }) => id === 'docker2')?.alive === false
      },
      { what: 'docker2 to be seen as gone', timeoutMs: 90_000, intervalMs: 2_000 },
    )
    await runContainer(first, 'p4', OVERLAY)
    expect((await ping(first, 'p4', await addressOf(first, 'p1', OVERLAY))).received).toBe(3)
  })
})
