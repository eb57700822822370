/** Docker networks that an admin made on one host, taken over with containers that run (issue 4 point 14). */
import { beforeAll, describe, expect, it } from 'vitest'
import { inspected, on, reaches, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { useLab } from '../support/lab.ts'

describe('import', () => {
  const lab = useLab('import')
  const docker = (where: string, ...argv: string[]) => on(lab(), where, 'docker', ...argv)
  const process = (name: string) => docker('docker1', 'inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', name)
  /** What the container itself has in the network's range. */
  const inside = async (name: string, range: string) => {
    const links = JSON.parse(await docker('docker1', 'exec', name, 'ip', '-j', 'addr')) as {
      address: string
      addr_info: { local: string }[]
    }[]
    return links.flatMap(({ address, addr_info }) =>
      addr_info.flatMap(({ local }) => (local.startsWith(range) ? [`${local} ${address}`] : [])),
    )
  }

  beforeAll(async () => {
    const macvlan = ['-d', 'macvlan', '-o', 'parent=eth0', '--aux-address', 'router=10.80.0.9']
    await docker(
      'docker1',
      'network',
      'create',
      ...macvlan,
      '--subnet',
      '10.80.0.0/24',
      '--gateway',
      '10.80.0.254',
      'lan',
    )
    await docker('docker1', 'network', 'create', '--subnet', '10.81.0.0/24', 'mynet')
    await runContainer(lab(), 'docker1', 'dynamic', 'lan')
    await runContainer(lab(), 'docker1', 'fixed', 'lan', '--ip', '10.80.0.77', '--network-alias', 'www')
    await runContainer(lab(), 'docker1', 'idle', 'lan', '--stop-timeout', '0')
    await docker('docker1', 'stop', 'idle')
    await runContainer(lab(), 'docker1', 'bridged', 'mynet')
  }, 60_000)

  it('--dry-run says what would be done, and does nothing', async () => {
    const said = await weft(lab(), 'import', '--dry-run', 'docker1', 'lan')
    expect(said).toContain('network lan, driver macvlan: 10.80.0.0/24 (gateway 10.80.0.254), on every host')
    // Older engines make the MAC of the address, newer ones invent it.
    expect(said).toContain(`fixed keeps ${(await inside('fixed', '10.80.0.')).join().replace(' ', ', MAC ')};`)
    expect(said).toContain('idle is stopped')
    expect(await weft(lab(), 'network', 'ls', '-q')).toBe('')
    expect(await docker('docker1', 'network', 'inspect', '-f', '{{.Driver}}', 'lan')).toBe('macvlan')
  })

  it('macvlan: containers go on running, on their addresses and MACs, and are reached from other hosts', async () => {
    const names = ['dynamic', 'fixed']
    const before = await Promise.all(names.map(async (name) => [await process(name), await inside(name, '10.80.0.')]))
    const { code, stderr } = await tryWeft(lab(), 'import', 'docker1', 'lan')
    expect([code, stderr]).toEqual([0, expect.stringContaining('fixed is on network lan')])
    const after = await Promise.all(names.map(async (name) => [await process(name), await inside(name, '10.80.0.')]))
    expect(after).toEqual(before)
    expect(await docker('docker1', 'network', 'inspect', '-f', '{{.Driver}}', 'lan')).toBe('weft')
    await runContainer(lab(), 'docker2', 'far', 'lan')
    await reaches(lab(), 'docker2', 'far', '10.80.0.77')
    await reaches(lab(), 'docker2', 'far', 'www')
    await docker('docker1', 'start', 'idle')
    expect((await inside('idle', '10.80.0.')).length).toBe(1)
    const plan = await weft(lab(), 'ip', 'ls', '--format', '{{.Address}} {{.State}} {{.ReservedFor}}', 'lan')
    expect(plan).toContain('10.80.0.77 attached fixed')
    expect(plan).toContain('10.80.0.9 auxiliary')
  })

  it('what was taken over stays after a restart', async () => {
    const before = await inside('dynamic', '10.80.0.')
    await docker('docker1', 'restart', '-t', '0', 'dynamic')
    expect(await inside('dynamic', '10.80.0.')).toEqual(before)
  })

  it('what is not there, is ours, or has a name that is taken is refused, and everything stays as it is', async () => {
    const none = await tryWeft(lab(), 'import', 'docker1', 'nope')
    expect([none.code, none.stderr]).toEqual([3, expect.stringContaining('docker network ls')])
    const ours = await tryWeft(lab(), 'import', 'docker1', 'lan')
    expect(ours.code).toBe(3)
    const taken = await tryWeft(lab(), 'import', '--name', 'lan', 'docker1', 'mynet')
    expect([taken.code, taken.stderr]).toEqual([4, expect.stringContaining('network name is taken')])
    expect((await inspected(lab(), 'docker1', 'bridged', 'mynet')).IPAddress).toBe('10.81.0.2')
  })

  it('bridge, into an overlay: the same address, from now on across hosts', async () => {
    const before = [await process('bridged'), await inside('bridged', '10.81.0.')]
    await weft(lab(), 'import', '-d', 'overlay', 'docker1', 'mynet')
    expect([await process('bridged'), await inside('bridged', '10.81.0.')]).toEqual(before)
    await runContainer(lab(), 'docker2', 'peer', 'mynet')
    await reaches(lab(), 'docker2', 'peer', '10.81.0.2')
    const again = await tryOn(lab(), 'docker1', 'docker', 'network', 'inspect', '-f', '{{.Driver}}', 'mynet')
    expect(again.stdout.trim()).toBe('weft')
  })
})
