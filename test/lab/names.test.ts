/**
 * Names across hosts, on real engines and by real resolvers' questions (issue 4 point 1; PAINS 7; TRUTH I26): there within
 * a second of start, gone within a second of stop, whoever else has died.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  daemonPid,
  execIn,
  findHost,
  RESOLVER_DAEMON,
  startAgent,
  startResolver,
  stopProgram,
} from '../../cli/src/lab/index.ts'
import { inspected, on, runContainer, tryOn, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const WITHIN_MS = 1000
const NET = 'front'

describe('names', () => {
  const lab = useLab('names')
  const host = (name: string) => findHost(lab(), name)
  const docker1 = (...argv: string[]) => on(lab(), 'docker1', 'docker', ...argv)
  const docker2 = (...argv: string[]) => on(lab(), 'docker2', 'docker', ...argv)
  const addressOf = async (where: string, container: string, network = NET) =>
    (await inspected(lab(), where, container, network)).IPAddress
  let web = ''
  let db = ''

  /** The whole of dig's answer to one question from inside a container. */
  async function dig(where: string, container: string, ...question: string[]): Promise<string> {
    const argv = ['docker', 'exec', container, 'dig', '+time=1', '+tries=1', ...question]
    return (await execIn(lab(), where, argv)).stdout
  }

  /** Addresses and names of the answer section. */
  async function answers(where: string, container: string, ...question: string[]): Promise<string[]> {
    const text = await dig(where, container, '+noall', '+answer', ...question)
    return text.split('\n').flatMap((line) => /^[^;\s]\S*\s+\d+\s+IN\s+(?:A|AAAA|PTR)\s+(\S+)$/.exec(line)?.[1] ?? [])
  }

  const hears = (what: string, expected: readonly string[], ask: () => Promise<string[]>, withinMs = WITHIN_MS) =>
    eventually(`${what} is ${expected.join(' ') || 'gone'}`, withinMs, async () => {
      return JSON.stringify((await ask()).sort()) === JSON.stringify([...expected].sort()) ? true : undefined
    })

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.60.0.0/24', NET)
    await weft(lab(), 'network', 'create', '--subnet', '10.61.0.0/24', 'back')
    await weft(lab(), 'network', 'create', '--internal', '--subnet', '10.62.0.0/24', 'closed')
    await weft(lab(), 'network', 'create', '--ipv6', '--subnet', '10.63.0.0/24', '--subnet', 'fd63::/64', 'dual')
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    await runContainer(lab(), 'docker1', 'web', NET, '--hostname', 'webhost', '--network-alias', 'www')
    await runContainer(lab(), 'docker2', 'db', NET, '--network-alias', 'www')
    await runContainer(lab(), 'docker2', 'secret', 'back')
    web = await addressOf('docker1', 'web')
    db = await addressOf('docker2', 'db')
    await hears('db', [db], () => answers('docker1', 'web', 'db'))
    await hears('web', [web], () => answers('docker2', 'db', 'web'))
  }, 60_000)

  it('name, alias, short id, hostname and name.network lead across hosts, addresses back, whatever the case', async () => {
    const short = (await docker1('inspect', '-f', '{{.Id}}', 'web')).slice(0, 12)
    for (const name of ['web', 'WEB', short, 'webhost', `web.${NET}`, `webhost.${NET}`]) {
      expect(await answers('docker2', 'db', name)).toEqual([web])
      expect(await answers('docker2', 'db', '+tcp', name)).toEqual([web])
    }
    expect(await answers('docker2', 'db', '-x', web)).toEqual([`web.${NET}.`])
    expect(await answers('docker1', 'web', '-x', db)).toEqual([`db.${NET}.`])
  })

  it('busybox finds and pings by name both ways', async () => {
    for (const [where, container, peer] of [
      ['docker1', 'web', 'db'],
      ['docker2', 'db', 'web'],
    ] as const)
      await on(lab(), where, 'docker', 'exec', container, 'ping', '-c', '1', '-W', '2', peer)
    const found = await docker1('run', '--rm', '--network', NET, 'busybox', 'nslookup', 'db')
    expect(found).toContain(db)
  })

  it('one alias of several containers is answered in turns', async () => {
    const firsts = new Set<string | undefined>()
    for (let turn = 0; turn < 4; turn++) {
      const all = await answers('docker1', 'web', 'www')
      expect([...all].sort()).toEqual([web, db].sort())
      firsts.add(all[0])
    }
    expect(firsts.size).toBe(2)
  })

  it('both families are answered; a family that a name has not is no data, not no name', async () => {
    await runContainer(lab(), 'docker1', 'six1', 'dual')
    await runContainer(lab(), 'docker2', 'six2', 'dual')
    const { IPAddress, GlobalIPv6Address } = await inspected(lab(), 'docker2', 'six2', 'dual')
    await hears('six2', [IPAddress], () => answers('docker1', 'six1', 'six2', 'A'))
    expect(await answers('docker1', 'six1', 'six2', 'AAAA')).toEqual([GlobalIPv6Address])
    expect(await answers('docker1', 'six1', '-x', GlobalIPv6Address)).toEqual(['six2.dual.'])
    const none = await dig('docker1', 'web', 'db', 'AAAA')
    expect(none).toContain('status: NOERROR')
    expect(none).toContain('ANSWER: 0')
  })

  it("other networks' names are not answered, a wrong name of the own is denied", async () => {
    expect(await answers('docker1', 'web', 'secret')).toEqual([])
    expect(await answers('docker1', 'web', 'secret.back')).toEqual([])
    expect(await dig('docker1', 'web', `nobody.${NET}`)).toContain('status: NXDOMAIN')
  })

  it("what is not ours is asked of Docker's resolver, over UDP and TCP", async () => {
    await docker1('network', 'create', 'own')
    await runContainer(lab(), 'docker1', 'inner', 'own')
    await docker1('network', 'connect', 'own', 'web')
    const inner = await addressOf('docker1', 'inner', 'own')
    expect(await answers('docker1', 'web', 'inner')).toEqual([inner])
    expect(await answers('docker1', 'web', '+tcp', 'inner')).toEqual([inner])
    await docker1('network', 'disconnect', 'own', 'web')
  })

  it('an internal network asks nobody outside', async () => {
    await runContainer(lab(), 'docker1', 'in1', 'closed')
    await runContainer(lab(), 'docker2', 'in2', 'closed')
    await hears('in2', [await addressOf('docker2', 'in2', 'closed')], () => answers('docker1', 'in1', 'in2'))
    expect(await dig('docker1', 'in1', 'example.com')).toContain('status: REFUSED')
  })

  it('connect --alias to a running container, and disconnect', async () => {
    await docker2('network', 'connect', '--alias', 'vault', NET, 'secret')
    const secret = await addressOf('docker2', 'secret')
    await hears('vault', [secret], () => answers('docker1', 'web', 'vault'))
    expect(await answers('docker2', 'secret', 'web')).toEqual([web])
    await docker2('network', 'disconnect', NET, 'secret')
    await hears('vault', [], () => answers('docker1', 'web', `vault.${NET}`))
    expect(await answers('docker2', 'secret', `web.${NET}`)).toEqual([])
  })

  it('a renamed container has its new name only', async () => {
    await docker2('rename', 'db', 'store')
    await hears('store', [db], () => answers('docker1', 'web', 'store'))
    expect(await dig('docker1', 'web', `db.${NET}`)).toContain('status: NXDOMAIN')
    await docker2('rename', 'store', 'db')
    await hears('db', [db], () => answers('docker1', 'web', 'db'))
    // Each before the one before it has got around.
    const names = ['db', 'store', 'shop', 'db', 'store', 'db']
    const renames = names.slice(1).map((name, index) => `docker rename ${names[index]} ${name}`)
    await on(lab(), 'docker2', 'sh', '-euc', renames.join('; '))
    await hears('db after all', [db], () => answers('docker1', 'web', 'db'))
    expect(await answers('docker1', 'web', 'store')).toEqual([])
  })

  it('there within 1 s of start, gone within 1 s of stop, on the other host and on its own', async () => {
    await runContainer(lab(), 'docker2', 'shy', NET, '--stop-timeout', '0')
    const shy = await addressOf('docker2', 'shy')
    const everywhere = async (expected: readonly string[]) =>
      await Promise.all([
        hears('shy on docker1', expected, () => answers('docker1', 'web', `shy.${NET}`)),
        hears('shy on docker2', expected, () => answers('docker2', 'db', `shy.${NET}`)),
      ])
    await everywhere([shy])
    await docker2('stop', 'shy')
    await everywhere([])
    await docker2('start', 'shy')
    await everywhere([shy])
    await docker2('rm', '-f', 'shy')
    await everywhere([])
  })

  it("a container's first instruction can ask: 10 of 10", async () => {
    for (let round = 0; round < 10; round++) {
      const argv = ['docker', 'run', '--rm', '--network', NET, 'busybox', 'nslookup', `db.${NET}`]
      const { code, stdout } = await tryOn(lab(), 'docker1', ...argv)
      expect([round, code, stdout.includes(db)]).toEqual([round, 0, true])
    }
  })

  it('names are answered while the agent is dead', async () => {
    await stopProgram(host('docker1'), 'SIGKILL')
    expect(await answers('docker1', 'web', 'db')).toEqual([db])
    await startAgent(lab().layout, host('docker1'))
    expect(await answers('docker1', 'web', 'db')).toEqual([db])
  })

  it('the killed resolver is back and answers; the stopped one leaves names to Docker', async () => {
    const killed = daemonPid(host('docker1'), RESOLVER_DAEMON) ?? 0
    process.kill(killed, 'SIGKILL')
    await eventually('names after a kill', 3000, async () => {
      return (await answers('docker1', 'web', 'db')).join() === db ? true : undefined
    })
    const again = daemonPid(host('docker1'), RESOLVER_DAEMON) ?? 0
    expect(again).not.toBe(killed)
    process.kill(again, 'SIGTERM')
    await eventually('it has ended', 3000, async () =>
      daemonPid(host('docker1'), RESOLVER_DAEMON) === undefined ? true : undefined,
    )
    expect(await answers('docker1', 'web', 'web')).toEqual([web])
    await startResolver(host('docker1'))
    await hears('db', [db], () => answers('docker1', 'web', 'db'))
  })

  it('weft dns lookup says where a name leads, from any machine', async () => {
    const found = JSON.parse(await weft(lab(), 'dns', 'lookup', 'www', '--network', NET, '--format', 'json')) as {
      name: string
      host: string
      addresses: string[]
    }[]
    expect(found.map(({ name, host: where, addresses }) => [name, where, addresses])).toEqual([
      [`db.${NET}`, 'docker2', [db]],
      [`web.${NET}`, 'docker1', [web]],
    ])
  })
})
