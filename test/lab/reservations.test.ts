/**
 * Addresses that belong to a container's name, on real engines (issue 4 point 2; PAINS 1, 10): kept across stop, removal,
 * another host and Docker's own restart; never given to anybody else, whoever asks and however full the network is.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  execIn,
  findHost,
  startAgent,
  startController,
  startDockerd,
  stopDockerd,
  stopProgram,
} from '../../cli/src/lab/index.ts'
import { inspected, on, reaches, runContainer, tryOn, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const NET = 'plan'
const DUAL = 'both'
const WEB = '10.70.0.50'
const MAC = '02:00:00:00:70:50'
const FILLERS = ['fill1', 'fill2', 'fill3', 'fill4']
const QUICK = ['--stop-timeout', '0'] as const

describe('reservations', () => {
  const lab = useLab('reserve')
  const host = (name: string) => findHost(lab(), name)
  const docker = (where: string, ...argv: string[]) => on(lab(), where, 'docker', ...argv)
  const run = (where: string, name: string, network: string, ...flags: string[]) =>
    runContainer(lab(), where, name, network, ...QUICK, ...flags)
  /** What the container itself has on eth0. */
  const inside = async (where: string, name: string) => {
    const [link] = JSON.parse(await docker(where, 'exec', name, 'ip', '-j', 'addr', 'show', 'eth0')) as {
      address: string
      addr_info: { local: string; scope: string }[]
    }[]
    const addresses = link?.addr_info.filter(({ scope }) => scope === 'global').map(({ local }) => local)
    return { mac: link?.address, addresses }
  }
  const plan = async (network: string) =>
    JSON.parse(await weft(lab(), 'ip', 'ls', '--format', 'json', network)) as {
      address: string
      state: string
      holder?: string
      host?: string
      since?: string
      reservedFor?: string
    }[]

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.70.0.0/24', NET)
    await weft(lab(), 'network', 'create', '--ipv6', '--subnet', '10.71.0.0/29', '--subnet', 'fd71::/64', DUAL)
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    expect(await weft(lab(), 'ip', 'reserve', '--mac', MAC, NET, 'web', WEB)).toBe(WEB)
    await run('docker2', 'far', NET)
  }, 60_000)

  it('a container of that name has the address and the MAC: after a stop, a removal, and on another host', async () => {
    const mine = { mac: MAC, addresses: [WEB] }
    await run('docker1', 'web', NET)
    expect(await inside('docker1', 'web')).toEqual(mine)
    await reaches(lab(), 'docker2', 'far', WEB)
    await docker('docker1', 'stop', 'web')
    await run('docker1', 'newcomer', NET)
    expect((await inside('docker1', 'newcomer')).addresses).not.toEqual([WEB])
    await docker('docker1', 'start', 'web')
    expect(await inside('docker1', 'web')).toEqual(mine)
    await docker('docker1', 'rm', '-f', 'web')
    await run('docker1', 'web', NET)
    expect(await inside('docker1', 'web')).toEqual(mine)
    await docker('docker1', 'rm', '-f', 'web')
    await run('docker2', 'web', NET)
    expect(await inside('docker2', 'web')).toEqual(mine)
    await reaches(lab(), 'docker1', 'newcomer', WEB)
  })

  it('moves with its name from a host where its container is stopped, and back; never is it in two places', async () => {
    const twice = await tryOn(lab(), 'docker1', 'docker', 'run', '--name', 'web', '--network', NET, 'busybox', 'true')
    expect(twice.code).not.toBe(0)
    expect(twice.stderr).toMatch(/container web \([0-9a-f]{12}\) on docker2 has 10\.70\.0\.50, and runs/)
    await docker('docker1', 'rm', 'web')
    await docker('docker2', 'stop', 'web')
    await run('docker1', 'web', NET)
    expect((await inside('docker1', 'web')).addresses).toEqual([WEB])
    await reaches(lab(), 'docker2', 'far', WEB)
    const back = await tryOn(lab(), 'docker2', 'docker', 'start', 'web')
    expect(back.stderr).toContain('on docker1 has 10.70.0.50')
    await docker('docker1', 'stop', 'web')
    await docker('docker2', 'start', 'web')
    expect((await inside('docker2', 'web')).addresses).toEqual([WEB])
    await docker('docker2', 'rm', '-f', 'web')
    await docker('docker1', 'rm', '-f', 'web')
  })

  it('nobody else gets it: by --ip, by connect, or in a network that is full', async () => {
    const stolen = await tryOn(
      lab(),
      'docker1',
      'docker',
      'run',
      '--rm',
      '--network',
      NET,
      '--ip',
      WEB,
      'busybox',
      'true',
    )
    expect(stolen.code).not.toBe(0)
    expect(stolen.stderr).toMatch(/belongs to container name web.*weft ip release plan 10\.70\.0\.50/)
    await docker('docker1', 'run', '-d', '--name', 'bystander', ...QUICK, 'busybox', 'sleep', '600')
    const connected = await tryOn(lab(), 'docker1', 'docker', 'network', 'connect', '--ip', WEB, NET, 'bystander')
    expect(connected.stderr).toContain('belongs to container name web')
    await docker('docker1', 'rm', '-f', 'bystander')

    const reserved = (await weft(lab(), 'ip', 'reserve', DUAL, 'db')).split('\n')
    expect(reserved).toEqual(['10.71.0.2', 'fd71::2'])
    const given: (string | undefined)[] = []
    for (const name of FILLERS) {
      await run('docker1', name, DUAL)
      given.push((await inspected(lab(), 'docker1', name, DUAL)).IPAddress)
    }
    expect(given.sort()).toEqual(['10.71.0.3', '10.71.0.4', '10.71.0.5', '10.71.0.6'])
    const full = await tryOn(lab(), 'docker2', 'docker', 'run', '--rm', '--network', DUAL, 'busybox', 'true')
    expect(full.stderr).toMatch(/no free address.*10\.71\.0\.2 for db/)
    await run('docker2', 'db', DUAL)
    expect((await inside('docker2', 'db')).addresses).toEqual(reserved)
    for (const address of reserved) await reaches(lab(), 'docker1', 'fill1', address)
    await docker('docker1', 'rm', '-f', ...FILLERS)
    await docker('docker2', 'rm', '-f', 'db')
  })

  it('a running container is connected to its own; where it does not show whose it is, --ip says so', async () => {
    for (const name of ['web', 'bystander'])
      await docker('docker1', 'run', '-d', '--name', name, ...QUICK, 'busybox', 'sleep', '600')
    const guess = await tryOn(lab(), 'docker1', 'docker', 'network', 'connect', NET, 'web')
    expect(guess.code).not.toBe(0)
    expect(guess.stderr).toContain(`--ip ${WEB}`)
    const thief = await tryOn(lab(), 'docker1', 'docker', 'network', 'connect', '--ip', WEB, NET, 'bystander')
    expect(thief.stderr).toContain('bystander is being connected')
    await docker('docker1', 'network', 'connect', '--ip', WEB, NET, 'web')
    expect((await inspected(lab(), 'docker1', 'web', NET)).IPAddress).toBe(WEB)
    await reaches(lab(), 'docker2', 'far', WEB)
    await docker('docker1', 'network', 'disconnect', NET, 'web')
    await weft(lab(), 'network', 'connect', NET, 'docker1/web')
    expect((await inspected(lab(), 'docker1', 'web', NET)).IPAddress).toBe(WEB)
    await docker('docker1', 'rm', '-f', 'web', 'bystander')
  })

  it('one that runs keeps its address when that is reserved; another one comes at its next start', async () => {
    await run('docker1', 'cache', NET)
    const { addresses, mac } = await inside('docker1', 'cache')
    expect([await weft(lab(), 'ip', 'reserve', NET, 'cache')]).toEqual(addresses)
    await docker('docker1', 'rm', '-f', 'cache')
    await run('docker2', 'cache', NET)
    expect(await inside('docker2', 'cache')).toEqual({ addresses, mac })
    await weft(lab(), 'ip', 'release', NET, 'cache')
    await weft(lab(), 'ip', 'reserve', NET, 'cache', '10.70.0.60')
    expect((await inside('docker2', 'cache')).addresses).toEqual(addresses)
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    await docker('docker2', 'restart', '-t', '0', 'cache')
    expect((await inside('docker2', 'cache')).addresses).toEqual(['10.70.0.60'])
    await docker('docker2', 'rm', '-f', 'cache')
    await weft(lab(), 'ip', 'release', NET, '10.70.0.60')
  })

  it('Docker restarted, with several containers that start in the same instant', async () => {
    const names = ['web', 'one', 'two', 'three']
    for (const name of names) await run('docker1', name, NET, '--restart', 'always')
    await stopDockerd(host('docker1'))
    await startDockerd(host('docker1'))
    const seen = await eventually('all run', 40_000, async () => {
      const { stdout } = await execIn(lab(), 'docker1', ['docker', 'ps', '--format', '{{.Names}}'])
      const up = stdout.split('\n')
      return names.every((name) => up.includes(name)) ? up : undefined
    })
    expect(seen).toEqual(expect.arrayContaining(names))
    expect(await inside('docker1', 'web')).toEqual({ mac: MAC, addresses: [WEB] })
    for (const name of names.slice(1)) expect((await inside('docker1', name)).addresses).not.toEqual([WEB])
    await reaches(lab(), 'docker2', 'far', WEB)
  })

  it('survives agent, Docker and controller starting anew', async () => {
    await stopDockerd(host('docker1'))
    await stopProgram(host('docker1'), 'SIGKILL')
    await stopProgram(lab().layout.controller)
    await startController(lab().layout)
    await startAgent(lab().layout, host('docker1'))
    await startDockerd(host('docker1'))
    await eventually('web runs', 40_000, async () => {
      const { stdout } = await execIn(lab(), 'docker1', ['docker', 'ps', '--format', '{{.Names}}'])
      return stdout.split('\n').includes('web') ? true : undefined
    })
    expect(await inside('docker1', 'web')).toEqual({ mac: MAC, addresses: [WEB] })
  })

  it('the plan says who has what, where and since when', async () => {
    await weft(lab(), 'ip', 'reserve', NET, 'later', '10.70.0.61')
    const rows = await plan(NET)
    const row = (address: string) => rows.find((each) => each.address === address)
    expect(row('10.70.0.1')).toMatchObject({ state: 'gateway' })
    expect(row(WEB)).toMatchObject({ state: 'attached', holder: 'web', host: 'docker1', reservedFor: 'web' })
    expect(Date.parse(row(WEB)?.since ?? '')).toBeGreaterThan(Date.now() - 600_000)
    expect(row('10.70.0.61')).toMatchObject({ state: 'reserved', holder: 'later', reservedFor: 'later' })
    expect(await weft(lab(), 'ip', 'ls', '-q', '-f', 'state=reserved', NET)).toBe('10.70.0.61')
  })

  it('given up, the address rests and then is anybody’s; with the network everything goes, and that is said', async () => {
    await weft(lab(), 'ip', 'release', NET, 'later')
    expect((await plan(NET)).find(({ address }) => address === '10.70.0.61')).toMatchObject({ state: 'quarantine' })
    await run('docker2', 'anybody', NET, '--ip', '10.70.0.61')
    expect((await inside('docker2', 'anybody')).addresses).toEqual(['10.70.0.61'])
    const { stdout, stderr, code } = await execIn(lab(), 'docker1', ['weft', 'network', 'rm', DUAL])
    expect({ stdout, code }).toEqual({ stdout: `${DUAL}\n`, code: 0 })
    expect(stderr).toContain('both: no longer reserved for db: 10.71.0.2, fd71::2')
  })
})
