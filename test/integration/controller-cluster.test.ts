/** Several controllers on one etcd and one NATS that are not theirs: one pushes, any answers, another takes over. */
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NatsBus } from '../../controller/src/bus/index.ts'
import { type Embedded, startEmbedded } from '../../controller/src/embedded/index.ts'
import { openLog } from '../../controller/src/log.ts'
import { readOrMakeSecret } from '../../controller/src/secret.ts'
import { TestAgent } from '../support/agent.ts'
import { ControllerProcess, networkRequest, newPlace, type Place } from '../support/controller.ts'

let place: Place
let servers: Embedded
let controllers: ControllerProcess[] = []
let bus: NatsBus
let agent: TestAgent

const start = async (name: string) => {
  const flags = ['--etcd', servers.etcdUrl ?? '', '--nats', servers.natsUrl ?? '']
  const controller = new ControllerProcess(place, flags, name, 0)
  controllers.push(controller)
  await controller.ready()
  return controller
}
const leader = () => controllers.find((controller) => controller.leads)
const follower = () => controllers.find((controller) => !controller.leads)
const forget = (gone: ControllerProcess) => {
  controllers = controllers.filter((controller) => controller !== gone)
}

beforeAll(async () => {
  place = await newPlace()
  servers = await startEmbedded({
    folder: path.join(place.folder, 'servers'),
    natsListen: { host: '127.0.0.1', port: place.natsPort },
    user: 'weft',
    secret: readOrMakeSecret(path.join(place.folder, 'secret'), () => 'a-secret-for-tests-only'),
    etcdProgram: 'etcd',
    natsProgram: 'nats-server',
    searchPath: process.env.PATH ?? '',
    log: openLog('silent'),
    parts: { etcd: true, nats: true },
  })
  await Promise.all([start('first'), start('second')])
  const [controller] = controllers
  if (controller === undefined) throw new Error('no controller')
  bus = await controller.bus()
  agent = new TestAgent(bus, 'docker1', '10.250.0.11')
  await agent.join()
  await agent.resync()
  await agent.report()
})
afterAll(async () => {
  await bus?.close()
  await Promise.all(controllers.map((controller) => controller.stop()))
  await servers?.stop()
  fs.rmSync(place.folder, { recursive: true, force: true })
})

describe('two controllers', () => {
  it('are of one cluster, and one of them leads', async () => {
    await expect.poll(() => controllers.filter((controller) => controller.leads).length).toBe(1)
    const answers = await Promise.all(controllers.map((controller) => controller.call('GET', '/v1/version')))
    expect(answers[0]?.json.cluster).toMatch(/^[0-9a-z]{20}$/)
    expect(answers[0]?.json).toEqual(answers[1]?.json)
  })

  it('push each change once, whichever took it, and read what the other wrote at once', async () => {
    for (const [index, controller] of controllers.entries()) {
      const before = agent.deltas.length
      const { json } = await controller.call('POST', '/v1/networks', networkRequest(`shared-${index}`))
      const seen = await controllers[1 - index]?.call('GET', `/v1/networks/shared-${index}`)
      expect(seen?.json).toEqual(json)
      await expect.poll(() => agent.position.revision).toBe(json.revision)
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(agent.deltas.length).toBe(before + 1)
    }
    expect(agent.gaps).toBe(0)
  })

  it('both know how far the hosts are, though one only answers a report', async () => {
    await agent.report()
    for (const controller of controllers)
      await expect
        .poll(async () => (await controller.call('GET', '/v1/status')).json)
        .toMatchObject({
          converged: true,
          hosts: [{ id: 'docker1', alive: true, accepted: agent.position }],
        })
  })

  it('agree on what a host should have, so that no host is sent back and forth', async () => {
    agent.pages = 0
    for (let round = 0; round < 10; round++) await agent.report()
    expect(agent.pages).toBe(0)
    const targets = await Promise.all(
      controllers.map(async (c) => (await c.call('GET', '/v1/status')).json.hosts[0].target),
    )
    expect(targets[0]).toEqual(targets[1])
  })

  it('hand over at once when the leader stops', async () => {
    const [old, next] = [leader(), follower()]
    if (old === undefined || next === undefined) throw new Error('no leader')
    agent.pokes.length = 0
    const began = performance.now()
    expect(await old.stop()).toBe(0)
    forget(old)
    await expect.poll(() => next.leads, { timeout: 5_000, interval: 20 }).toBe(true)
    expect(performance.now() - began).toBeLessThan(3_000)
    await expect.poll(() => agent.pokes.length).toBeGreaterThan(0)
    const { json } = await next.call('POST', '/v1/networks', networkRequest('after-stop'))
    await expect.poll(() => agent.position.revision).toBe(json.revision)
    expect(agent.gaps).toBe(0)
    await start('third')
  })

  it('take over when the leader is killed, and lose no change of the time between', async () => {
    const [old, next] = [leader(), follower()]
    if (old === undefined || next === undefined) throw new Error('no leader')
    expect(await old.stop('SIGKILL')).toBe('SIGKILL')
    forget(old)
    const { json } = await next.call('POST', '/v1/networks', networkRequest('in-between'))
    expect(json.name).toBe('in-between')
    await expect.poll(() => next.leads, { timeout: 15_000 }).toBe(true)
    await expect.poll(() => agent.pokes.at(-1)?.revision, { timeout: 5_000 }).toBe(json.revision)
    await agent.report()
    expect(agent.position.revision).toBe(json.revision)
    expect((await next.call('GET', '/v1/status')).json.converged).toBe(true)
  })
})

describe('without its servers', () => {
  const pidOf = (name: string) =>
    Number(fs.readFileSync(path.join(place.folder, 'servers', `${name}.pid`), 'utf8').split(' ')[0])

  it('a controller answers reads with what it knows, says so, and refuses writes as unavailable', async () => {
    const [controller] = controllers
    const before = await controller?.call('GET', '/v1/networks')
    expect(before?.headers['x-weft-stale']).toBeUndefined()
    process.kill(pidOf('etcd'), 'SIGSTOP')
    try {
      const [read, write] = await Promise.all([
        controller?.call('GET', '/v1/networks'),
        controller?.call('POST', '/v1/networks', networkRequest('never')),
      ])
      expect([read?.status, read?.headers['x-weft-stale']]).toEqual([200, 'true'])
      expect(read?.json).toEqual(before?.json)
      expect([503, 504]).toContain(write?.status)
      expect(write?.headers['retry-after']).toBe('1')
    } finally {
      process.kill(pidOf('etcd'), 'SIGCONT')
    }
    await expect
      .poll(async () => (await controller?.call('GET', '/v1/networks'))?.headers['x-weft-stale'], { timeout: 15_000 })
      .toBeUndefined()
  })

  it('a controller serves agents over HTTP while NATS is away, and over NATS when it is back', async () => {
    const [controller] = controllers
    const pid = pidOf('nats-server')
    process.kill(pid, 'SIGSTOP')
    try {
      const status = { ...agent.fence, accepted: agent.position, applied: agent.position.revision, problems: [] }
      const answer = await controller?.call('POST', '/v1/agent/docker1/status', status)
      expect(answer?.json.ok.target.digest).toBe(agent.position.digest)
    } finally {
      process.kill(pid, 'SIGKILL')
    }
    await expect.poll(() => agent.report().then(() => 'ok', String), { timeout: 20_000 }).toBe('ok')
    const { json } = (await controller?.call('POST', '/v1/networks', networkRequest('nats-is-back'))) ?? {}
    await expect.poll(() => agent.position.revision).toBe(json.revision)
  })
})
