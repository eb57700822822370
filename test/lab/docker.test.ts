/** What Docker's users do with networks, and what Docker does to itself, on real engines (issue point 8). */
import { beforeAll, describe, expect, it } from 'vitest'
import { execIn, findHost, startAgent, startDockerd, stopDockerd, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, pings, reaches, runContainer, tryOn, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const NET = 'plain'
const DUAL = 'both'

describe('docker', () => {
  const lab = useLab('docker')
  const host = (name: string) => findHost(lab(), name)
  const docker1 = (...argv: string[]) => on(lab(), 'docker1', 'docker', ...argv)
  const addressOf = async (container: string, network = NET) =>
    (await inspected(lab(), 'docker1', container, network)).IPAddress
  const dockerAnswers = () =>
    eventually('Docker answers', 30_000, async () => {
      return (await execIn(lab(), 'docker1', ['docker', 'version'])).code === 0 ? true : undefined
    })
  let far = ''

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.50.0.0/24', NET)
    await weft(lab(), 'network', 'create', '--ipv6', '--subnet', '10.51.0.0/24', '--subnet', 'fd51::/64', DUAL)
    await runContainer(lab(), 'docker2', 'far', NET)
    await runContainer(lab(), 'docker2', 'far2', DUAL)
    far = (await inspected(lab(), 'docker2', 'far', NET)).IPAddress
  }, 60_000)

  it('docker run --ip and --mac-address', async () => {
    // Debian's own client: a newer one refuses --mac-address for this engine before it asks.
    const flags = ['--network', NET, '--ip', '10.50.0.99', '--mac-address', '02:42:ac:11:00:99']
    await on(
      lab(),
      'docker1',
      '/usr/bin/docker',
      'run',
      '-d',
      '--name',
      'fixed',
      ...flags,
      'weft/tools',
      'sleep',
      '600',
    )
    const { IPAddress, MacAddress } = await inspected(lab(), 'docker1', 'fixed', NET)
    expect([IPAddress, MacAddress]).toEqual(['10.50.0.99', '02:42:ac:11:00:99'])
    expect(await docker1('exec', 'fixed', 'cat', '/sys/class/net/eth0/address')).toBe('02:42:ac:11:00:99')
    await reaches(lab(), 'docker1', 'fixed', far)
    await docker1('rm', '-f', 'fixed')
  })

  it('network connect and disconnect of a running container, dual stack', async () => {
    await runContainer(lab(), 'docker1', 'mover', NET)
    await docker1('network', 'connect', '--ip', '10.51.0.70', '--ip6', 'fd51::70', DUAL, 'mover')
    const { IPAddress, GlobalIPv6Address } = await inspected(lab(), 'docker1', 'mover', DUAL)
    expect([IPAddress, GlobalIPv6Address]).toEqual(['10.51.0.70', 'fd51::70'])
    const peer = await inspected(lab(), 'docker2', 'far2', DUAL)
    await reaches(lab(), 'docker1', 'mover', peer.IPAddress)
    await reaches(lab(), 'docker1', 'mover', peer.GlobalIPv6Address)
    await reaches(lab(), 'docker1', 'mover', far)
    await docker1('network', 'disconnect', DUAL, 'mover')
    expect(await pings(lab(), 'docker1', 'mover', peer.GlobalIPv6Address)).toBe(false)
    await reaches(lab(), 'docker1', 'mover', far)
    await docker1('rm', '-f', 'mover')
  })

  it('a restarted, and a stopped and started container keep their address and MAC', async () => {
    for (const name of ['keep-a', 'keep-b']) await runContainer(lab(), 'docker1', name, NET, '--stop-timeout', '1')
    const before = await inspected(lab(), 'docker1', 'keep-a', NET)
    await docker1('restart', '-t', '0', 'keep-a')
    expect(await inspected(lab(), 'docker1', 'keep-a', NET)).toMatchObject({
      IPAddress: before.IPAddress,
      MacAddress: before.MacAddress,
    })
    await docker1('stop', '-t', '0', 'keep-a', 'keep-b')
    await runContainer(lab(), 'docker1', 'newcomer', NET)
    expect(await addressOf('newcomer')).not.toBe(before.IPAddress)
    await docker1('start', 'keep-a')
    expect(await addressOf('keep-a')).toBe(before.IPAddress)
    await reaches(lab(), 'docker1', 'keep-a', far)
    await docker1('rm', '-f', 'keep-a', 'keep-b', 'newcomer')
  })

  it('an address outside the subnet, the gateway and a taken one are refused with value, rule and remedy', async () => {
    for (const [address, word] of [
      ['10.99.0.1', 'subnet'],
      ['10.50.0.1', 'gateway'],
      [far, 'far'],
    ] as const) {
      const argv = ['docker', 'run', '--rm', '--network', NET, '--ip', address, 'busybox', 'true']
      const { code, stderr } = await tryOn(lab(), 'docker1', ...argv)
      expect(code).not.toBe(0)
      expect(stderr).toContain(address)
      expect(stderr).toContain(word)
    }
  })

  it('a network that Weft does not know is not made by hand', async () => {
    const { code, stderr } = await tryOn(lab(), 'docker1', 'docker', 'network', 'create', '-d', 'weft', 'by-hand')
    expect(code).not.toBe(0)
    expect(stderr).toContain('weft network create')
  })

  it('a Docker network of Weft that somebody removes is back', async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.52.0.0/24', 'empty')
    await docker1('network', 'rm', 'empty')
    await eventually('it is back', 5000, async () => {
      return (await execIn(lab(), 'docker1', ['docker', 'network', 'inspect', 'empty'])).code === 0 ? true : undefined
    })
    await weft(lab(), 'network', 'rm', 'empty')
  })

  it('agent killed and started again: containers go on, new ones start', async () => {
    await runContainer(lab(), 'docker1', 'stayer', NET)
    await stopProgram(host('docker1'), 'SIGKILL')
    await reaches(lab(), 'docker1', 'stayer', far)
    await startAgent(lab().layout, host('docker1'))
    await runContainer(lab(), 'docker1', 'after-agent', NET)
    await reaches(lab(), 'docker1', 'after-agent', far)
    await docker1('rm', '-f', 'after-agent')
  })

  it('dockerd restarted with live-restore: the container keeps running, address and traffic', async () => {
    await stopDockerd(host('docker1'))
    await startDockerd(host('docker1'), { liveRestore: true })
    await dockerAnswers()
    await docker1('start', 'stayer')
    const [before, process] = [await addressOf('stayer'), await docker1('inspect', '-f', '{{.State.Pid}}', 'stayer')]
    await stopDockerd(host('docker1'), 'SIGKILL')
    await startDockerd(host('docker1'), { liveRestore: true })
    await dockerAnswers()
    expect(await addressOf('stayer')).toBe(before)
    expect(await docker1('inspect', '-f', '{{.State.Pid}}', 'stayer')).toBe(process)
    await reaches(lab(), 'docker1', 'stayer', far)
    await runContainer(lab(), 'docker1', 'after-live', NET)
    await reaches(lab(), 'docker1', 'after-live', far)
    await docker1('rm', '-f', 'after-live')
  })

  it('dockerd restarted without live-restore: a restart=always container comes back on its address', async () => {
    await docker1('rm', '-f', 'stayer')
    await runContainer(lab(), 'docker1', 'always', NET, '--restart', 'always')
    const before = await addressOf('always')
    await stopDockerd(host('docker1'))
    await startDockerd(host('docker1'))
    await dockerAnswers()
    await reaches(lab(), 'docker1', 'always', far, 20_000)
    expect(await addressOf('always')).toBe(before)
  })

  it('Docker before the agent: the containers are up within 10 s of the agent', async () => {
    await stopDockerd(host('docker1'))
    await stopProgram(host('docker1'))
    const docker = startDockerd(host('docker1'))
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const began = performance.now()
    await startAgent(lab().layout, host('docker1'))
    await docker
    await reaches(lab(), 'docker1', 'always', far, 10_000 - (performance.now() - began))
  })

  it('the agent before Docker: the containers are up within 10 s of Docker', async () => {
    await stopDockerd(host('docker1'))
    await stopProgram(host('docker1'))
    await startAgent(lab().layout, host('docker1'))
    const began = performance.now()
    await startDockerd(host('docker1'))
    await reaches(lab(), 'docker1', 'always', far, 10_000 - (performance.now() - began))
  })
})
