/**
 * Deaths at the worst moments: of the agent, between any two of Docker's calls; of NATS, while containers start. Docker's
 * calls are made here, word for word, so that the agent can be killed exactly between them (DOCKER.md 1.1).
 */
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { daemonPid, findHost, startAgent, stopProgram } from '../../cli/src/lab/index.ts'
import { inspected, on, reaches, runContainer, tryOn, weft } from '../../cli/src/lab/scenario/check.ts'
import { eventually, useLab } from '../support/lab.ts'
import { post } from '../support/plugin.ts'

const BOX = '/run/netns/box'
const EP = 'e'.repeat(64)

/** Undefined when the process is gone, which it may be between any two looks at it. */
function ofProcess<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

describe('deaths', () => {
  const lab = useLab('deaths')
  const host = () => findHost(lab(), 'docker1')
  const docker1 = (...argv: string[]) => on(lab(), 'docker1', ...argv)

  beforeAll(async () => {
    await weft(lab(), 'network', 'create', '--subnet', '10.60.0.0/24', 'bridged')
    await weft(lab(), 'network', 'create', '--subnet', '10.61.0.0/24', '-o', 'attach=macvlan', 'direct')
    await weft(lab(), 'status', '--wait', '--timeout', '20s')
  }, 60_000)

  describe.each([
    ['bridged', '10.60.0.0/24'],
    ['direct', '10.61.0.0/24'],
  ])('the agent is killed between each two calls of Docker, on %s', (network, cidr) => {
    const names = async (...netns: string[]) =>
      (JSON.parse(await docker1('ip', ...netns, '-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname)
    const ask = async (call: string, body: object) => {
      const socket = path.join(host().run, 'docker/plugins/weft.sock')
      const { answer } = await post(socket, call, JSON.stringify(body))
      expect(answer, call).not.toHaveProperty('Err')
      expect(answer, call).not.toHaveProperty('Error')
      return answer
    }
    const killed = async () => {
      await stopProgram(host(), 'SIGKILL')
      await startAgent(lab().layout, host())
    }
    /** Every part of the agent has run at least once: a pass, a comparison with Docker, a join. */
    const settled = () => weft(lab(), 'status', '--wait', '--timeout', '20s')

    it('keeps the address, the interface, and nothing afterwards', async () => {
      const inspect = await docker1('docker', 'network', 'inspect', network)
      const [{ Id: NetworkID, Options }] = JSON.parse(inspect) as [{ Id: string; Options: Record<string, string> }]
      const { PoolID } = await ask('IpamDriver.RequestPool', { Pool: cidr, SubPool: '', Options, V6: false })

      const { Address } = await ask('IpamDriver.RequestAddress', { PoolID, Address: '', Options: null })
      await killed()
      const wish = { Address, AddressIPv6: '', MacAddress: '' }
      const created = await ask('NetworkDriver.CreateEndpoint', {
        NetworkID,
        EndpointID: EP,
        Interface: wish,
        Options: {},
      })
      await killed()
      await settled()
      const again = await ask('NetworkDriver.CreateEndpoint', {
        NetworkID,
        EndpointID: EP,
        Interface: wish,
        Options: {},
      })
      expect(again).toEqual(created)
      const join = { NetworkID, EndpointID: EP, SandboxKey: BOX, Options: {} }
      const { InterfaceName } = (await ask('NetworkDriver.Join', join)) as { InterfaceName: { SrcName: string } }
      const { SrcName } = InterfaceName
      await killed()
      expect(await names()).toContain(SrcName)

      // What Docker does now: take it, name it, address it, bring it up.
      await docker1('ip', 'netns', 'add', 'box')
      await docker1('ip', 'link', 'set', SrcName, 'netns', 'box')
      await killed()
      await docker1('ip', '-n', 'box', 'link', 'set', SrcName, 'name', 'eth0')
      await docker1('ip', '-n', 'box', 'addr', 'add', String(Address), 'dev', 'eth0')
      await docker1('ip', '-n', 'box', 'link', 'set', 'eth0', 'up')
      await killed()
      await settled()
      expect(await names()).not.toContain(SrcName)
      expect(await names('-n', 'box')).toEqual(expect.arrayContaining(['eth0']))

      await ask('NetworkDriver.Leave', { NetworkID, EndpointID: EP })
      await docker1('ip', '-n', 'box', 'link', 'set', 'eth0', 'down')
      await docker1('ip', '-n', 'box', 'link', 'set', 'eth0', 'name', SrcName, 'netns', '1').catch(() =>
        docker1('sh', '-c', `ip -n box link set eth0 name ${SrcName} && ip -n box link set ${SrcName} netns $$`),
      )
      await killed()
      await settled()
      expect(await names('-n', 'box')).not.toContain('eth0')
      await ask('NetworkDriver.DeleteEndpoint', { NetworkID, EndpointID: EP })
      await killed()
      await ask('IpamDriver.ReleaseAddress', { PoolID, Address: String(Address).split('/')[0] })
      await killed()
      await docker1('ip', 'netns', 'del', 'box')
      await eventually('its interface is gone', 5_000, async () =>
        (await names()).includes(SrcName) ? undefined : true,
      )
      await eventually('its address is given back', 60_000, async () =>
        (await weft(lab(), 'endpoint', 'ls', '-q')).trim() === '' ? true : undefined,
      )
    })
  })

  describe('without NATS', () => {
    let keepingDown: NodeJS.Timeout | undefined
    afterEach(() => clearInterval(keepingDown))

    /** The nats-server that the controller keeps; it is started anew when it dies. */
    const natsPids = () => {
      const controller = daemonPid(lab().layout.controller, 'controller')
      return fs
        .readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .filter((pid) => {
          const stat = ofProcess(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
          const [, program, parent] = /\((.*)\) \S (\d+)/.exec(stat ?? '') ?? []
          return program === 'nats-server' && Number(parent) === controller
        })
        .map(Number)
    }

    it('containers start on every host, by HTTP, and reach each other', async () => {
      expect(natsPids()).toHaveLength(1)
      let kills = 0
      const keepDown = () => {
        for (const pid of natsPids()) if (ofProcess(() => process.kill(pid, 'SIGKILL')) === true) kills += 1
      }
      keepDown()
      keepingDown = setInterval(keepDown, 50)
      await Promise.all([
        runContainer(lab(), 'docker1', 'by-http-1', 'bridged'),
        runContainer(lab(), 'docker2', 'by-http-2', 'bridged'),
      ])
      const { IPAddress } = await inspected(lab(), 'docker2', 'by-http-2', 'bridged')
      await reaches(lab(), 'docker1', 'by-http-1', IPAddress, 30_000)
      expect(kills).toBeGreaterThan(0)
      const { stdout } = await tryOn(
        lab(),
        'docker1',
        'sh',
        '-c',
        `grep -c "bus connected" ${host().log}/agent.log || true`,
      )
      expect(Number(stdout)).toBeGreaterThan(0)
      clearInterval(keepingDown)
      await eventually('every host is level again', 60_000, async () =>
        (await weft(lab(), 'status', '--wait', '--timeout', '30s')) === undefined ? undefined : true,
      )
      for (const [where, name] of [
        ['docker1', 'by-http-1'],
        ['docker2', 'by-http-2'],
      ] as const)
        await on(lab(), where, 'docker', 'rm', '-f', name)
    })
  })
})
