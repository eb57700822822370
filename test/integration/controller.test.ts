/** A whole controller with its embedded etcd and NATS, and agents that speak the protocol. */
import fs from 'node:fs'
import path from 'node:path'
import { digestOfMap, intentSubject, NetworkView, StatusView } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NatsBus } from '../../controller/src/bus/index.ts'
import { TestAgent } from '../support/agent.ts'
import { ControllerProcess, networkRequest, newPlace, type Place } from '../support/controller.ts'
import { call } from '../support/http.ts'

let place: Place
let controller: ControllerProcess
let bus: NatsBus
let one: TestAgent
let two: TestAgent

beforeAll(async () => {
  place = await newPlace()
  controller = new ControllerProcess(place)
  await controller.ready()
  bus = await controller.bus()
  one = new TestAgent(bus, 'docker1', '10.250.0.11')
  two = new TestAgent(bus, 'docker2', '10.250.0.12')
  for (const agent of [one, two]) {
    await agent.join()
    await agent.resync()
    await agent.report()
  }
  await bus.flush()
})
afterAll(async () => {
  await bus?.close()
  await controller?.stop()
  fs.rmSync(place.folder, { recursive: true, force: true })
})

const statusNow = async () => StatusView.parse((await controller.call('GET', '/v1/status')).json)
const claim = async (agent: TestAgent, network: NetworkView, req: string) => {
  const subnet = network.subnets[0]?.uid ?? ''
  return (await agent.ask('claim', { ...agent.fence, req, network: network.uid, subnet })).endpoint
}

describe('the controller', () => {
  it('writes its pid file, keeps its socket and secret to itself', () => {
    expect(fs.statSync(controller.socket).mode & 0o777).toBe(0o600)
    expect(fs.statSync(path.join(place.folder, 'secret')).mode & 0o777).toBe(0o600)
    const pid = Number(fs.readFileSync(path.join(place.folder, 'c/controller.pid'), 'utf8'))
    expect(() => process.kill(pid, 0)).not.toThrow()
  })

  it('knows its hosts, and that they have what they should', async () => {
    const hosts = (await controller.call('GET', '/v1/hosts')).json
    expect(hosts.map((host: { id: string; alive: boolean }) => [host.id, host.alive])).toEqual([
      ['docker1', true],
      ['docker2', true],
    ])
    expect(await statusNow()).toMatchObject({ converged: true, hosts: [{ id: 'docker1' }, { id: 'docker2' }] })
  })

  it('pushes a new network to every host as a delta with the digest of the whole', async () => {
    const before = [one.deltas.length, two.deltas.length]
    const created = await controller.call('POST', '/v1/networks', networkRequest('web'))
    expect(created.status).toBe(200)
    const network = NetworkView.parse(created.json)
    expect(Number(created.headers['x-weft-revision'])).toBe(network.revision)
    await expect.poll(() => [one.deltas.length, two.deltas.length]).toEqual(before.map((count) => count + 1))
    for (const agent of [one, two]) {
      expect(agent.gaps).toBe(0)
      expect(agent.entries.get(`network/${network.uid}`)).toMatchObject({ kind: 'network', name: 'web' })
      expect(agent.position.digest).toBe(digestOfMap(agent.entries))
      expect(agent.position.revision).toBe(network.revision)
    }
  })

  it('marks snapshots of a host whose removals an operator allowed, and of no other', async () => {
    const marked = (agent: TestAgent) => agent.ask('resync', { ...agent.fence, offset: 0 })
    expect(await marked(one)).toMatchObject({ massDelete: false })
    const allowed = await controller.call('POST', '/v1/hosts/docker1/allow-removals', { req: 'allow-removals-1' })
    expect(allowed.json).toEqual({ host: 'docker1', seconds: 600 })
    expect([await marked(one), await marked(two)]).toMatchObject([{ massDelete: true }, { massDelete: false }])
  })

  it('waits until every host has applied a revision, woken by their reports', async () => {
    const network = NetworkView.parse((await controller.call('POST', '/v1/networks', networkRequest('waited'))).json)
    await expect.poll(() => two.position.revision).toBe(network.revision)
    const began = performance.now()
    let answered = false
    const waiting = controller
      .call('GET', `/v1/status?wait=true&revision=${network.revision}&timeoutMs=20000`)
      .finally(() => {
        answered = true
      })
    await one.report()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(answered).toBe(false)
    await two.report()
    const status = StatusView.parse((await waiting).json)
    expect(status.converged).toBe(true)
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  it('says at the timeout who has not, and why', async () => {
    const network = NetworkView.parse((await controller.call('POST', '/v1/networks', networkRequest('stuck'))).json)
    await expect.poll(() => two.position.revision).toBe(network.revision)
    await one.report()
    await two.report({ problems: [{ code: 'kernel', message: 'kernel refused vxlan 4098: EEXIST' }] })
    const answer = await controller.call('GET', `/v1/status?wait=true&revision=${network.revision}&timeoutMs=300`)
    expect(answer.status).toBe(200)
    const status = StatusView.parse(answer.json)
    expect(status.converged).toBe(false)
    expect(status.hosts.map((host) => [host.id, host.converged])).toEqual([
      ['docker1', true],
      ['docker2', false],
    ])
    expect(status.hosts[1]?.problems[0]?.message).toContain('EEXIST')
    await two.report()
    expect((await statusNow()).converged).toBe(true)
  })

  it('answers a status wait for a revision that does not come, at its timeout', async () => {
    const answer = await controller.call('GET', '/v1/status?wait=true&revision=999999&timeoutMs=300')
    expect(StatusView.parse(answer.json).converged).toBe(false)
  })

  it('gives an address, tells both hosts of the endpoint, and takes it back', async () => {
    const inspected = await controller.call('GET', '/v1/networks/web')
    expect(inspected.json).toMatchObject({ name: 'web' })
    const network = NetworkView.parse(inspected.json)
    const endpoint = await claim(one, network, 'claim-docker1-1')
    expect(await claim(one, network, 'claim-docker1-1')).toEqual(endpoint)
    const other = await claim(two, network, 'claim-docker2-1')
    expect(other.addresses).not.toEqual(endpoint.addresses)
    for (const agent of [one, two])
      await expect.poll(() => [endpoint.uid, other.uid].every((uid) => agent.entries.has(`endpoint/${uid}`))).toBe(true)
    expect(one.entries.get('peer/docker2')).toEqual({ kind: 'peer', host: 'docker2', vtep: '10.250.0.12' })
    const listed = (await controller.call('GET', '/v1/endpoints?network=web')).json
    expect(listed.map((row: { host: string }) => row.host).sort()).toEqual(['docker1', 'docker2'])
    const refused = await controller.call('DELETE', '/v1/networks/web?req=remove-web-1')
    expect([refused.status, refused.json.error.code]).toEqual([409, 'conflict'])
    for (const [agent, { uid }] of [
      [one, endpoint],
      [two, other],
    ] as const) {
      const { released } = await agent.ask('release', { ...agent.fence, req: `release-${agent.id}`, endpoints: [uid] })
      expect(released).toEqual([uid])
    }
    await expect.poll(() => [...one.entries.keys()].some((key) => /^(endpoint|peer)/.test(key))).toBe(false)
  })

  it('lets a host that missed a delta pull the whole in pages', async () => {
    const labels = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`label-${index}`, 'x'.repeat(4_000)]))
    const deaf = one.position
    for (const name of ['large-1', 'large-2', 'large-3'])
      expect((await controller.call('POST', '/v1/networks', networkRequest(name, { labels }))).status).toBe(200)
    await expect
      .poll(() => one.deltas.at(-1)?.put.some((entry) => entry.kind === 'network' && entry.name === 'large-3'))
      .toBe(true)
    one.position = deaf
    one.pages = 0
    await one.report()
    expect(one.pages).toBeGreaterThan(2)
    expect(one.position).toEqual((await statusNow()).hosts[0]?.target)
    for (const name of ['large-1', 'large-2', 'large-3'])
      expect((await controller.call('DELETE', `/v1/networks/${name}?req=remove-${name}`)).status).toBe(200)
    await expect
      .poll(() => [...one.entries.values()].some((entry) => entry.kind === 'network' && entry.name.startsWith('large')))
      .toBe(false)
    expect(one.gaps).toBe(0)
  })

  it('streams events, one JSON object a line, and ends the stream when the client goes', async () => {
    const stop = new AbortController()
    const events: { type: string; action: string; name?: string }[] = []
    const response = await fetch(`http://127.0.0.1:${place.port}/v1/events`, {
      headers: { authorization: `Bearer ${controller.secret}` },
      signal: stop.signal,
    })
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const reading = (async () => {
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? [])
        for (const line of decoder.decode(chunk).split('\n').filter(Boolean)) events.push(JSON.parse(line))
    })().catch(() => {})
    await controller.call('POST', '/v1/networks', networkRequest('eventful'))
    await expect
      .poll(() => events)
      .toContainEqual(expect.objectContaining({ type: 'network', action: 'create', name: 'eventful' }))
    await controller.call('DELETE', '/v1/networks/eventful?req=remove-eventful')
    await expect.poll(() => events.map((event) => event.action)).toEqual(['create', 'delete'])
    stop.abort()
    await reading
  })

  it('takes agents’ verbs over HTTP too', async () => {
    const status = { ...two.fence, accepted: two.position, applied: two.position.revision, problems: [] }
    const answer = await controller.call('POST', '/v1/agent/docker2/status', status)
    expect([answer.status, answer.json.ok.target.digest]).toEqual([200, two.position.digest])
    const refused = await controller.call('POST', '/v1/agent/docker2/status', { ...status, epoch: 99 })
    expect([refused.status, refused.json.error.code]).toEqual([403, 'denied'])
  })

  it('refuses a second agent of a host id, and what an agent that was replaced says', async () => {
    await one.report()
    const twin = new TestAgent(bus, 'docker1', '10.250.0.11', 'instance-twin')
    await expect(twin.join()).rejects.toMatchObject({ code: 'conflict' })
    twin.epoch = one.epoch
    await expect(twin.report()).rejects.toMatchObject({ code: 'denied' })
    expect((await statusNow()).hosts[0]?.accepted).toEqual(one.position)
  })
})

describe('a controller that is stopped or killed', () => {
  it('has kept everything when it is back, and no host needs a resync', async () => {
    const before = (await controller.call('GET', '/v1/networks')).json
    for (const [signal, code] of [
      ['SIGTERM', 0],
      ['SIGKILL', 'SIGKILL'],
    ] as const) {
      expect(await controller.stop(signal)).toBe(code)
      expect(fs.existsSync(path.join(place.folder, 'c/controller.pid'))).toBe(signal === 'SIGKILL')
      controller = new ControllerProcess(place)
      await controller.ready()
      expect((await controller.call('GET', '/v1/networks')).json).toEqual(before)
      for (const agent of [one, two]) {
        agent.pages = 0
        await expect.poll(() => agent.report().then(() => 'ok', String), { timeout: 15_000 }).toBe('ok')
        expect(agent.pages).toBe(0)
      }
      expect((await statusNow()).converged).toBe(true)
    }
    await expect.poll(() => controller.leads, { timeout: 15_000 }).toBe(true)
    const { json } = await controller.call('POST', '/v1/networks', networkRequest('afterwards'))
    await expect.poll(() => one.position.revision).toBe(json.revision)
    expect([one.gaps, two.gaps]).toEqual([0, 0])
  })

  it('does not let another controller onto its data folder', async () => {
    const second = new ControllerProcess({ ...place, natsPort: place.natsPort + 1 }, ['--embedded'], 'second', 0)
    await expect(second.ready()).rejects.toThrow('data folder in use')
    expect(await second.stop()).toBe(4)
  })
})

describe('garbage', () => {
  const garbage = [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"__proto__":{"x":1}}',
    '{"epoch":"1"}',
    '['.repeat(10_000),
    'x'.repeat(100_000),
  ]

  it('on the bus is answered as an error, changes nothing and breaks nothing', async () => {
    const before = (await statusNow()).revision
    const subjects = [
      'docker1.status',
      'docker1.join',
      'docker1.claim',
      'docker1.nonsense',
      'NOT-A-HOST.status',
      'none.join',
      '日本.status',
    ]
    for (const subject of subjects) {
      for (const text of garbage) {
        const { error } = JSON.parse(await bus.request(`weft.v1.ctl.${subject}`, text, 5_000))
        expect(['invalid', 'not_found', 'denied']).toContain(error.code)
      }
    }
    bus.publish('weft.v1.ctl.docker1.status', 'nobody waits for the answer')
    bus.publish(intentSubject('docker9'), '{}')
    await one.report()
    expect((await statusNow()).revision).toBe(before)
  })

  it('over HTTP is answered as an error with value, rule and remedy, and changes nothing', async () => {
    const before = (await statusNow()).revision
    for (const text of garbage) {
      const answer = await controller.call('POST', '/v1/networks', text)
      expect([answer.status, answer.json.error.code]).toEqual([400, 'invalid'])
    }
    const bad: [string, string, unknown, number][] = [
      ['POST', '/v1/networks', networkRequest('a/b'), 400],
      ['POST', '/v1/networks', networkRequest('x', { subnets: [{ subnet: '10.0.0.1/24' }] }), 400],
      ['POST', '/v1/networks', networkRequest('x', { subnets: [{ subnet: '010.0.0.0/24' }] }), 400],
      ['POST', '/v1/networks', networkRequest('x', { unknown: true }), 400],
      ['POST', '/v1/networks', networkRequest('x', { driver: 'nonsense' }), 400],
      ['POST', '/v1/networks', 'x'.repeat(1_048_577), 400],
      ['PATCH', '/v1/networks', undefined, 405],
      ['GET', '/v1/networks?x=1', undefined, 400],
      ['GET', '/v1/networks/nothing', undefined, 404],
      ['DELETE', '/v1/networks/nothing', undefined, 400],
      ['DELETE', '/v1/networks/nothing?req=12345678', undefined, 404],
      ['GET', '/v1/hosts/..%2f..', undefined, 404],
      ['PUT', '/v1/uplinks/storage/docker9', { req: '12345678', interface: 'eth0' }, 404],
      ['PUT', '/v1/uplinks/storage/docker1', { req: '12345678', interface: '--help' }, 400],
      ['GET', '/v1/nothing', undefined, 404],
    ]
    for (const [method, target, body, status] of bad) {
      const answer = await controller.call(method, target, body)
      expect([method, target, answer.status]).toEqual([method, target, status])
      expect(answer.json.error.what).not.toBe('')
    }
    expect((await statusNow()).revision).toBe(before)
  })

  it('of any length is answered to the end, announced or not', async () => {
    const authorization = `Bearer ${controller.secret}`
    for (const bytes of [1_048_577, 4_000_000]) {
      for (const headers of [{ 'content-length': bytes }, { 'transfer-encoding': 'chunked' }, {}]) {
        const target = { host: '127.0.0.1', port: place.port }
        const answer = await call(target, 'POST', '/v1/networks', 'x'.repeat(bytes), { ...headers, authorization })
        expect([answer.status, answer.json.error.what]).toEqual([400, 'request body too long'])
      }
      expect(
        (await call({ host: '127.0.0.1', port: place.port }, 'POST', '/v1/networks', 'x'.repeat(bytes))).status,
      ).toBe(403)
    }
  })

  it('over TCP needs the secret before anything else', async () => {
    for (const authorization of ['', 'Bearer wrong', `Bearer ${'x'.repeat(10_000)}`]) {
      const response = await fetch(`http://127.0.0.1:${place.port}/v1/networks`, { headers: { authorization } })
      expect(response.status).toBe(403)
    }
    const authorization = `Bearer ${controller.secret}`
    expect((await fetch(`http://127.0.0.1:${place.port}/v1/networks`, { headers: { authorization } })).status).toBe(200)
  })
})
