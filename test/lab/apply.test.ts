/** The cluster as a file says (issue 4 point 13): apply, diff, export, by what containers on two hosts see. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { execIn, findHost } from '../../cli/src/lab/index.ts'
import { inspected, on, pings, reaches, runContainer, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const WEFT = fileURLToPath(new URL('../../cli/bin/weft.js', import.meta.url))

const file = (front: string, more = '') => `uplinks:
  wire: {docker1: eth0, docker2: eth0}
networks:
  front:
    labels: {team: web}
${front}
  lan:
    driver: macvlan
    driver_opts: {parent: "@wire"}
    ipam:
      config:
        - subnet: 10.84.0.0/24
          ip_range: 10.84.0.128/25
          aux_addresses: {router: 10.84.0.5}
${more}`
const FIRST = file('    ipam: {config: [{subnet: 10.83.0.0/24}]}')
const SECOND = file(
  '    driver_opts: {mtu: 1300}\n    ipam: {config: [{subnet: 10.83.0.0/24}, {subnet: 10.85.0.0/24}]}',
)

describe('apply', () => {
  const lab = useLab('apply')
  /** The file goes in by the standard input. */
  const withFile = (text: string, ...args: string[]) =>
    execIn(lab(), 'controller', [process.execPath, WEFT, ...args, '-f', '-'], { input: text })
  const names = async (noun: string) =>
    (await weft(lab(), noun, 'ls', '--format', '{{.Name}}')).split('\n').filter((name) => name !== '')

  it('says what would change and where, then does it, in an order that holds', async () => {
    const tried = await withFile(FIRST, 'apply', '--dry-run')
    expect(tried).toMatchObject({ code: 0, stderr: 'dry run: nothing was changed\n' })
    expect(tried.stdout.split('\n')).toEqual([
      '+ uplink wire of docker1',
      '    interface: (none) -> eth0',
      '    on docker1',
      '+ uplink wire of docker2',
      '    interface: (none) -> eth0',
      '    on docker2',
      '+ network front',
      '    driver: (none) -> overlay',
      '    subnet 10.83.0.0/24: (none) -> gateway 10.83.0.1',
      '    on docker1, docker2',
      '+ network lan',
      '    can be checked only after what comes before it',
      '    on docker1, docker2',
      '',
    ])
    expect([await names('network'), await names('uplink')]).toEqual([[], []])
    const done = await withFile(FIRST, 'apply')
    expect(done).toEqual({
      code: 0,
      stdout:
        'created uplink wire of docker1\ncreated uplink wire of docker2\ncreated network front\ncreated network lan\n',
      stderr: '',
    })
    for (const [host, name] of [
      ['docker1', 'one'],
      ['docker2', 'two'],
    ] as const) {
      await runContainer(lab(), host, name, 'front')
      await runContainer(lab(), host, `${name}lan`, 'lan')
    }
    for (const [name, network] of [
      ['two', 'front'],
      ['twolan', 'lan'],
    ] as const) {
      const { IPAddress } = await inspected(lab(), 'docker2', name, network)
      await reaches(lab(), 'docker1', name.replace('two', 'one'), IPAddress)
    }
  }, 60_000)

  it('changes nothing when nothing differs, and says so', async () => {
    const { revision } = JSON.parse(await weft(lab(), 'status', '--format', 'json')) as { revision: number }
    expect(await withFile(FIRST, 'apply')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'nothing to change: the cluster is as the file says\n',
    })
    expect(await withFile(await weft(lab(), 'export'), 'diff', '--exit-code')).toMatchObject({ code: 0, stdout: '' })
    const networks = JSON.parse(await weft(lab(), 'network', 'ls', '--format', 'json')) as { revision: number }[]
    expect(Math.max(...networks.map((network) => network.revision))).toBeLessThanOrEqual(revision)
  }, 30_000)

  it('shows a difference and changes it under running containers', async () => {
    const shown = await withFile(SECOND, 'diff', '--exit-code')
    expect(shown).toMatchObject({ code: 1, stderr: '' })
    expect(shown.stdout.split('\n').slice(0, 6)).toEqual([
      '~ network front',
      '    option mtu: (none) -> 1300',
      '    MTU: 1450 -> 1300',
      '    subnet 10.85.0.0/24: (none) -> gateway 10.85.0.1',
      expect.stringContaining('    warning: on hosts that have the network already'),
      '    on docker1 (1 endpoint), docker2 (1 endpoint)',
    ])
    const started = await on(lab(), 'docker1', 'docker', 'inspect', '-f', '{{.State.StartedAt}}', 'one')
    expect(await withFile(SECOND, 'apply')).toMatchObject({ code: 0, stdout: 'updated network front\n' })
    await eventually('MTU of one', 10_000, async () =>
      (await on(lab(), 'docker1', 'docker', 'exec', 'one', 'cat', '/sys/class/net/eth0/mtu')) === '1300'
        ? true
        : undefined,
    )
    expect(await on(lab(), 'docker1', 'docker', 'inspect', '-f', '{{.State.StartedAt}}', 'one')).toBe(started)
  }, 60_000)

  it('refuses what needs another network before anything is changed', async () => {
    const other = '  more:\n    ipam: {config: [{subnet: 10.86.0.0/24}]}\n'
    const refused = await withFile(
      file('    internal: true\n    ipam: {config: [{subnet: 10.83.0.0/24}]}', other),
      'apply',
    )
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('network front cannot be changed so while it lives')
    expect(refused.stderr).toContain('internal: false -> true')
    expect(refused.stderr).toContain('subnet: 10.85.0.0/24 -> (none)')
    expect(refused.stderr).toContain('nothing was changed')
    expect(await names('network')).toEqual(['front', 'lan'])
    const broken = await withFile('networks:\n  front:\n    drivr: overlay\n', 'apply')
    expect(broken).toMatchObject({ code: 2, stdout: '' })
    expect(broken.stderr).toContain('stdin:3:5: networks.front.drivr')
  }, 30_000)

  it('tells exactly what was done when it ends halfway, and goes on from there', async () => {
    const twins = (second: string) => `networks:
  a1: {ipam: {config: [{subnet: 10.87.0.0/24}]}}
  a2: {ipam: {config: [{subnet: ${second}}]}}
  a3: {ipam: {config: [{subnet: 10.89.0.0/24}]}}
`
    const ended = await withFile(twins('10.87.0.0/25'), 'apply')
    expect(ended).toMatchObject({ code: 4, stdout: 'created network a1\n' })
    expect(ended.stderr).toContain('10.87.0.0/24 of network a1')
    expect(ended.stderr).toContain('it came of network a2; done before it: network a1; not tried: network a3')
    const then = await withFile(twins('10.88.0.0/24'), 'apply')
    expect(then).toMatchObject({ code: 0, stdout: 'created network a2\ncreated network a3\n' })
  }, 30_000)

  it('removes what the file does not name only with --prune, and nothing that is used', async () => {
    const left = await withFile(SECOND, 'diff')
    expect(left.stdout).toContain('network a1: not in the file, left alone (--prune removes it)')
    expect(await withFile(SECOND, 'apply', '--prune')).toMatchObject({
      code: 0,
      stdout: 'removed network a1\nremoved network a2\nremoved network a3\n',
    })
    const unplugged = await withFile('uplinks: {}\n', 'apply', '--prune')
    expect(unplugged).toMatchObject({ code: 4, stdout: '' })
    expect(unplugged.stderr).toMatch(/uplink is in use: wire of docker1[\s\S]*on it by lan[\s\S]*nothing was changed/)
    const used = await withFile('networks:\n  front:\n    driver_opts: {mtu: 1300}\n', 'apply', '--prune')
    expect(used).toMatchObject({ code: 4, stdout: '' })
    expect(used.stderr).toMatch(/network is in use: lan[\s\S]*onelan[\s\S]*nothing was changed/)
    expect(await names('network')).toEqual(['front', 'lan'])
  }, 60_000)

  it('gives the same again on an empty cluster', async () => {
    const before = await weft(lab(), 'export')
    for (const [host, containers] of [
      ['docker1', ['one', 'onelan']],
      ['docker2', ['two', 'twolan']],
    ] as const) {
      await on(lab(), host, 'docker', 'rm', '-f', ...containers)
    }
    const emptied = await eventually('the cluster is empty', 15_000, async () => {
      const ended = await withFile('networks: {}\nuplinks: {}\n', 'apply', '--prune')
      return ended.code === 0 ? ended : undefined
    })
    expect(emptied.stdout).toContain('removed network lan\n')
    expect((await weft(lab(), 'export')).split('\n')).toHaveLength(1)
    expect((await withFile(before, 'apply')).code).toBe(0)
    expect(await weft(lab(), 'export')).toBe(before)
    await runContainer(lab(), 'docker2', 'again', 'lan')
    expect((await inspected(lab(), 'docker2', 'again', 'lan')).IPAddress).toMatch(/^10\.84\.0\./)
    const missing = await tryWeft(lab(), 'apply', '-f', '/nowhere/weft.yaml')
    expect(missing).toMatchObject({ code: 3, stdout: '' })
  }, 60_000)

  it('takes reservations, routers and publications, and gives them again', async () => {
    const text = `networks:
  shop: {driver_opts: {egress: weft}, ipam: {config: [{subnet: 10.90.0.0/24}]}}
  store: {ipam: {config: [{subnet: 10.91.0.0/24}]}}
reservations:
  shop:
    web: {addresses: [10.90.0.50], mac: "02:00:00:00:00:50"}
    spare:
routers:
  between:
    networks:
      shop: {address: 10.90.0.77}
      store:
publications:
  - {container: web, network: shop, host_port: 8080, port: 80, on: all}
`
    const tried = await withFile(text, 'apply', '--dry-run')
    expect(tried.code).toBe(0)
    expect(await names('network')).not.toContain('shop')
    const done = await withFile(text, 'apply')
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout.split('\n')).toEqual([
      'created network shop',
      'created network store',
      'created reservation for web in shop',
      'created reservation for spare in shop',
      'created router between',
      'created leg of router between in shop',
      'created leg of router between in store',
      'created publication 8080->80/tcp of web in shop',
      '',
    ])
    await runContainer(lab(), 'docker2', 'web', 'shop')
    const plan = await weft(lab(), 'ip', 'ls', 'shop', '-f', 'name=web', '--format', '{{.Address}} {{.ReservedFor}}')
    expect(plan.split('\n')).toContain('10.90.0.50 web')
    const { IPAddress: web } = await inspected(lab(), 'docker2', 'web', 'shop')
    expect(web).toBe('10.90.0.50')
    await runContainer(lab(), 'docker1', 'clerk', 'store')
    await reaches(lab(), 'docker1', 'clerk', web)
    await on(lab(), 'docker2', 'docker', 'exec', '-d', 'web', 'busybox', 'httpd', '-f', '-p', '80', '-h', '/etc')
    const url = `http://${findHost(lab(), 'docker1').ipv4}:8080/passwd`
    await eventually('web answers on docker1', 10_000, async () =>
      (await on(lab(), 'controller', 'curl', '-s', '-m', '2', url).catch(() => '')).includes('root:')
        ? true
        : undefined,
    )
    expect((await withFile(text, 'diff', '--exit-code')).stderr).toContain('no difference')
    const before = await weft(lab(), 'export')
    expect(await withFile(before, 'diff', '--exit-code')).toMatchObject({ code: 0, stdout: '' })

    const other = text
      .replace('10.90.0.50', '10.90.0.60')
      .replace('      store:\n', '')
      .replace('8080, port: 80', '8081, port: 80')
    const changed = await withFile(other, 'apply', '--prune')
    expect(changed.code).toBe(4)
    expect(changed.stdout).toBe('')
    expect(changed.stderr).toMatch(/network lan: network is in use[\s\S]*nothing was changed/)
    const partial = await withFile(other.slice(other.indexOf('reservations:')), 'apply', '--prune')
    expect(partial).toMatchObject({ code: 0, stderr: '' })
    expect(partial.stdout.split('\n')).toEqual([
      expect.stringMatching(/^removed publication 8080->80\/tcp of web in shop \(/),
      'removed leg of router between in store (10.91.0.1)',
      'removed reservation of 10.90.0.50 for web in shop',
      'created reservation for web in shop',
      'created publication 8081->80/tcp of web in shop',
      '',
    ])
    expect(await pings(lab(), 'docker1', 'clerk', web, '-c', '1')).toBe(false)

    for (const [host, container] of [
      ['docker1', 'clerk'],
      ['docker2', 'web'],
      ['docker2', 'again'],
    ] as const) {
      await on(lab(), host, 'docker', 'rm', '-f', container)
    }
    const nothing = 'publications: []\nrouters: {}\nreservations: {}\nnetworks: {}\nuplinks: {}\n'
    await eventually('the cluster is empty', 20_000, async () =>
      (await withFile(nothing, 'apply', '--prune')).code === 0 ? true : undefined,
    )
    expect((await weft(lab(), 'export')).split('\n')).toHaveLength(1)
    expect(await withFile(before, 'apply')).toMatchObject({ code: 0, stderr: '' })
    expect(await weft(lab(), 'export')).toBe(before)
  }, 120_000)
})
