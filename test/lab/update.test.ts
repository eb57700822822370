/** Changing networks while containers run on them (issue 4 point 14): by the data plane, on two hosts. */
import { beforeAll, describe, expect, it } from 'vitest'
import { inspected, on, pings, reaches, runContainer, tryOn, tryWeft, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const NET = 'live'
/** How soon the agents repair or follow (DESIGN), and patience for a busy machine. */
const WITHIN_MS = 10_000

describe('network update', () => {
  const lab = useLab('update')
  const update = (...args: string[]) => weft(lab(), 'network', 'update', ...args)
  const dockerIds = () =>
    Promise.all(
      ['docker1', 'docker2'].map((host) => on(lab(), host, 'docker', 'network', 'inspect', '-f', '{{.Id}}', NET)),
    )
  const started = () =>
    Promise.all(
      (['docker1/one', 'docker2/two'] as const).map((place) => {
        const [host = '', name = ''] = place.split('/')
        return on(lab(), host, 'docker', 'inspect', '-f', '{{.State.StartedAt}} {{.State.Pid}} {{.RestartCount}}', name)
      }),
    )
  const mtuOf = async (host: string, container: string) => {
    const text = await on(lab(), host, 'docker', 'exec', container, 'cat', '/sys/class/net/eth0/mtu')
    return Number(text)
  }
  const mtusBecome = async (mtu: number) => {
    for (const [host, name] of [
      ['docker1', 'one'],
      ['docker2', 'two'],
    ] as const) {
      await eventually(`MTU of ${name}`, WITHIN_MS, async () => ((await mtuOf(host, name)) === mtu ? true : undefined))
    }
  }
  let two = ''
  let before: { ids: string[]; started: string[] } = { ids: [], started: [] }

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.80.0.0/29', '--label', 'old=1', NET)
    await runContainer(lab(), 'docker1', 'one', NET)
    await runContainer(lab(), 'docker2', 'two', NET)
    two = (await inspected(lab(), 'docker2', 'two', NET)).IPAddress
    await reaches(lab(), 'docker1', 'one', two)
    before = { ids: await dockerIds(), started: await started() }
  }, 120_000)

  it('tries, and changes nothing', async () => {
    const shown = await weft(lab(), 'network', 'inspect', NET)
    const text = await update('--dry-run', '-o', 'mtu=1300', '--label-rm', 'old', '--subnet', '10.81.0.0/24', NET)
    expect(text.split('\n')).toEqual([
      'label old: 1 -> (none)',
      'option mtu: (none) -> 1300',
      'MTU: 1450 -> 1300',
      'subnet 10.81.0.0/24: (none) -> gateway 10.81.0.1',
      '  on host docker1 (1 endpoint)',
      '  on host docker2 (1 endpoint)',
    ])
    expect(await weft(lab(), 'network', 'inspect', NET)).toBe(shown)
  }, 30_000)

  it('sets the MTU inside running containers while their packets go on', async () => {
    const ping = on(lab(), 'docker1', 'docker', 'exec', 'one', 'ping', '-c', '20', '-i', '0.2', '-W', '2', two)
    await update('-o', 'mtu=1300', '--label-add', 'tier=2', '--label-rm', 'old', NET)
    expect(await ping).toContain(' 0% packet loss')
    await mtusBecome(1300)
    const large = (bytes: string) =>
      tryOn(lab(), 'docker1', 'docker', 'exec', 'one', 'ping', '-c', '1', '-W', '2', '-M', 'do', '-s', bytes, two)
    expect((await large('1272')).code).toBe(0)
    expect((await large('1273')).code).not.toBe(0)
    await update('--opt-rm', 'mtu', NET)
    await mtusBecome(1450)
    expect((await large('1422')).code).toBe(0)
    expect(await weft(lab(), 'network', 'ls', '-f', 'label=tier=2', '--format', '{{.Name}} {{.Labels}}')).toBe(
      `${NET} tier=2`,
    )
  }, 60_000)

  it('goes on in another subnet, which running containers reach at once', async () => {
    await update('--subnet', '10.81.0.0/24', NET)
    // Of eight addresses four are left: network, broadcast, gateway and two containers.
    for (const name of ['three', 'four', 'five']) await runContainer(lab(), 'docker1', name, NET)
    await runContainer(lab(), 'docker2', 'six', NET)
    const { IPAddress } = await inspected(lab(), 'docker2', 'six', NET)
    expect(IPAddress).toBe('10.81.0.2')
    await reaches(lab(), 'docker1', 'one', IPAddress)
    await reaches(lab(), 'docker2', 'six', two)
    await on(lab(), 'docker2', 'docker', 'restart', '-t', '0', 'six')
    expect((await inspected(lab(), 'docker2', 'six', NET)).IPAddress).toBe('10.81.0.2')
    await reaches(lab(), 'docker1', 'one', '10.81.0.2')
  }, 60_000)

  it('parts running containers and lets them meet again, and gives hosts access and takes it', async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.82.0.0/24', 'open')
    await runContainer(lab(), 'docker1', 'here', 'open')
    await runContainer(lab(), 'docker2', 'there', 'open')
    const { IPAddress: there } = await inspected(lab(), 'docker2', 'there', 'open')
    const meets = () => pings(lab(), 'docker1', 'here', there)
    const hostReaches = async () => (await tryOn(lab(), 'docker1', 'ping', '-c', '1', '-W', '1', there)).code === 0
    const becomes = (what: string, wanted: boolean, look: () => Promise<boolean>) =>
      eventually(what, WITHIN_MS, async () => ((await look()) === wanted ? true : undefined))
    await becomes('they meet', true, meets)
    expect(await hostReaches()).toBe(false)
    await update('-o', 'icc=false', 'open')
    await becomes('icc=false parts', false, meets)
    await update('-o', 'icc=true', '-o', 'host_access=true', 'open')
    await becomes('icc=true joins', true, meets)
    await becomes('the host reaches', true, hostReaches)
    await update('--opt-rm', 'icc', '--opt-rm', 'host_access', 'open')
    await becomes('the host does not reach', false, hostReaches)
    await becomes('they meet as before', true, meets)
  }, 60_000)

  it('keeps an auxiliary address and a range for whoever comes next', async () => {
    await update('--ip-range', '10.81.0.128/25', '--aux-address', 'nas=10.81.0.128', NET)
    await runContainer(lab(), 'docker1', 'seven', NET)
    expect((await inspected(lab(), 'docker1', 'seven', NET)).IPAddress).toBe('10.81.0.129')
    const taken = await tryWeft(lab(), 'network', 'update', '--aux-address', `mine=${two}`, NET)
    expect(taken).toMatchObject({ code: 4, stdout: '' })
    expect(taken.stderr).toContain('container two')
  }, 60_000)

  it('says what needs a new network, and why', async () => {
    for (const [flags, why] of [
      [['-o', 'vni=77'], 'packets by'],
      [['-o', 'attach=macvlan'], 'kind of interface'],
      [['--subnet', 'fd81::/64'], 'without IPv6'],
    ] as const) {
      const refused = await tryWeft(lab(), 'network', 'update', ...flags, NET)
      expect(refused).toMatchObject({ code: 1, stdout: '' })
      expect(refused.stderr).toContain(why)
      expect(refused.stderr).toContain('make another network')
    }
    const same = await tryWeft(lab(), 'network', 'update', '--label-add', 'tier=2', NET)
    expect(same).toEqual({ code: 0, stdout: '', stderr: `nothing to change: ${NET} is so already\n` })
  }, 30_000)

  it('has neither made a Docker network anew nor restarted a container', async () => {
    expect({ ids: await dockerIds(), started: await started() }).toEqual(before)
  })
})
