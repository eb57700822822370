/**
 * What somebody deletes or alters is back within 2 seconds, what is not ours stays, and no death of the control plane
 * costs a packet (issue points 6 and 8; TRUTH I18-I20). The truth is `ip`, `bridge` and a ping, not our own view.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { execIn, findHost, startAgent, startController, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, reaches, runContainer, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'

const WITHIN_MS = 2000
/** The namespace in which Weft switches. */
const FABRIC = ['ip', '-n', 'weft'] as const

describe('repair', () => {
  const lab = useLab('repair')
  let peer = ''

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.40.0.0/24', 'bridged')
    await weft(lab(), 'network', 'create', '--subnet', '10.41.0.0/24', '-o', 'attach=macvlan', 'direct')
    for (const network of ['bridged', 'direct']) {
      await runContainer(lab(), 'docker1', `${network}-1`, network)
      await runContainer(lab(), 'docker2', `${network}-2`, network)
    }
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
    peer = (await inspected(lab(), 'docker2', 'bridged-2', 'bridged')).IPAddress
    await reaches(lab(), 'docker1', 'bridged-1', peer)
  }, 120_000)

  async function linkOf(kind: string): Promise<string> {
    const links = JSON.parse(await on(lab(), 'docker1', ...FABRIC, '-j', 'link', 'show', 'type', kind)) as {
      ifname?: string
      ifalias?: string
    }[]
    const found = links.find((link) => link.ifalias?.includes('bridged'))
    if (found?.ifname === undefined) throw new Error(`no ${kind} of bridged in ${JSON.stringify(links)}`)
    return found.ifname
  }

  async function reachable(address = peer, from = 'bridged-1'): Promise<true | undefined> {
    const argv = ['docker', 'exec', from, 'ping', '-c', '1', '-W', '1', address]
    return (await execIn(lab(), 'docker1', argv)).code === 0 ? true : undefined
  }

  async function output(...argv: string[]): Promise<string> {
    return await on(lab(), 'docker1', ...argv)
  }

  for (const kind of ['bridge', 'vxlan', 'veth']) {
    it(`a deleted ${kind} is back within 2 s, and traffic with it`, async () => {
      await output(...FABRIC, 'link', 'delete', 'dev', await linkOf(kind))
      await eventually(`${kind} is back`, WITHIN_MS, async () => await linkOf(kind).catch(() => undefined))
      await eventually('traffic is back', WITHIN_MS, () => reachable())
    })
  }

  it('a deleted vxlan device of direct attach is back with its containers', async () => {
    const text = await output(...FABRIC, '-j', 'link', 'show', 'type', 'vxlan')
    const links = JSON.parse(text) as { ifname?: string; ifalias?: string }[]
    const direct = links.find((link) => link.ifalias?.includes('direct'))?.ifname ?? ''
    const { IPAddress } = await inspected(lab(), 'docker2', 'direct-2', 'direct')
    await reaches(lab(), 'docker1', 'direct-1', IPAddress)
    await output(...FABRIC, 'link', 'delete', 'dev', direct)
    await eventually('traffic is back', WITHIN_MS + 1000, () => reachable(IPAddress, 'direct-1'))
  })

  it("a container's deleted address and interface are back within 2 s", async () => {
    const { IPAddress } = await inspected(lab(), 'docker1', 'bridged-1', 'bridged')
    const pid = await output('docker', 'inspect', '-f', '{{.State.Pid}}', 'bridged-1')
    const inside = (...argv: string[]) => output('nsenter', `--net=/proc/${pid}/ns/net`, '--', ...argv)
    await inside('ip', 'addr', 'flush', 'dev', 'eth0')
    await eventually('address is back', WITHIN_MS, async () => {
      return (await inside('ip', 'addr', 'show', 'dev', 'eth0')).includes(IPAddress) ? true : undefined
    })
    await inside('ip', 'link', 'delete', 'dev', 'eth0')
    await eventually('interface is back', WITHIN_MS, () => reachable())
  })

  it('a deleted FDB entry and a deleted and an altered neighbour are back within 2 s', async () => {
    const vxlan = await linkOf('vxlan')
    const fdb = () => output('bridge', '-n', 'weft', 'fdb', 'show', 'dev', vxlan)
    const neighbours = () => output(...FABRIC, 'neigh', 'show', 'dev', vxlan)
    const [before, known] = [await fdb(), await neighbours()]
    const mac = /^(\S+) dst 10\.250\.0\.12/m.exec(before)?.[1] ?? ''
    expect(mac).not.toBe('')
    await output('bridge', '-n', 'weft', 'fdb', 'del', mac, 'dev', vxlan)
    await eventually('FDB entry is back', WITHIN_MS, async () => ((await fdb()).includes(mac) ? true : undefined))
    await output(...FABRIC, 'neigh', 'del', peer, 'dev', vxlan)
    const same = async () => ((await neighbours()) === known ? true : undefined)
    await eventually('neighbour is back', WITHIN_MS, same)
    await output(...FABRIC, 'neigh', 'replace', peer, 'lladdr', '02:00:00:00:00:99', 'dev', vxlan, 'nud', 'permanent')
    await eventually('neighbour is right again', WITHIN_MS, same)
    await eventually('traffic is back', WITHIN_MS, () => reachable())
  })

  it('an altered MTU is mended, and what is not ours is never touched', async () => {
    const bridge = await linkOf('bridge')
    const mtu = async () => /mtu (\d+)/.exec(await output(...FABRIC, 'link', 'show', 'dev', bridge))?.[1]
    const before = await mtu()
    await output('ip', 'link', 'add', 'name', 'foreign0', 'type', 'bridge')
    await output('ip', '-n', 'weft', 'link', 'add', 'name', 'foreign1', 'type', 'bridge')
    await output(...FABRIC, 'link', 'set', 'dev', bridge, 'mtu', '1300')
    await eventually('MTU is back', WITHIN_MS, async () => ((await mtu()) === before ? true : undefined))
    expect(await output('ip', 'link', 'show', 'dev', 'foreign0')).toContain('foreign0')
    expect(await output(...FABRIC, 'link', 'show', 'dev', 'foreign1')).toContain('foreign1')
    await output('ip', 'link', 'delete', 'dev', 'foreign0')
    await output(...FABRIC, 'link', 'delete', 'dev', 'foreign1')
  })

  it('killing agents and control plane loses no packet; a container restarts on its address meanwhile', async () => {
    const controller = findHost(lab(), 'controller')
    const docker1 = findHost(lab(), 'docker1')
    const argv = ['docker', 'exec', 'bridged-1', 'ping', '-c', '60', '-i', '0.1', '-W', '2', peer]
    const stream = execIn(lab(), 'docker1', argv)
    await stopProgram(docker1, 'SIGKILL')
    await stopProgram(controller, 'SIGKILL')
    await startAgent(lab().layout, docker1)
    const { IPAddress } = await inspected(lab(), 'docker1', 'direct-1', 'direct')
    await output('docker', 'restart', '-t', '0', 'direct-1')
    expect((await inspected(lab(), 'docker1', 'direct-1', 'direct')).IPAddress).toBe(IPAddress)
    const { stdout } = await stream
    expect(stdout).toContain('60 packets transmitted, 60 received')
    await startController(lab().layout)
    await weft(lab(), 'status', '--wait', '--timeout', '30s')
  })
})
