/** The doctor over the bus: what a controller asks of agents, in which order, and what it makes of what they answer. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DoctorRequest, DoctorView, type ErrorBody, HostCall, hostCallSubject, parseJsonWith } from '@weft/shared'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Engine } from '../../agent/src/docker/engine.ts'
import { createDoctor } from '../../agent/src/doctor/doctor.ts'
import { createHostDoor } from '../../agent/src/host-calls.ts'
import { Loop } from '../../agent/src/loop.ts'
import { StateStore } from '../../agent/src/state/store.ts'
import type { NatsBus } from '../../controller/src/bus/index.ts'
import { factsOf, TestAgent } from '../support/agent.ts'
import { ControllerProcess, networkRequest, newPlace, type Place } from '../support/controller.ts'
import { QUIET } from '../support/plugin.ts'

type Answer = { ok: unknown } | { error: ErrorBody } | string

let place: Place
let controller: ControllerProcess
let bus: NatsBus
/** What agents were asked, in order, and what they answer. */
let asked: { host: string; instance: string; request: DoctorRequest }[]
let answer: (host: string, request: DoctorRequest) => Answer

const FINE = { check: 'clock', severity: 'ok', measured: 'fine' } as const

beforeAll(async () => {
  place = await newPlace()
  controller = new ControllerProcess(place)
  await controller.ready()
  bus = await controller.bus()
  for (const [index, id] of ['docker1', 'docker2', 'docker3'].entries()) {
    const agent = new TestAgent(bus, id, `10.250.0.${11 + index}`)
    await agent.join()
    await agent.resync()
    await agent.report()
    // docker3 is on HTTP alone: nobody serves its subject.
    if (id === 'docker3') continue
    bus.serve(hostCallSubject(id, 'doctor'), async ({ text }) => {
      const { instance, request: given } = parseJsonWith(HostCall, text, 'call')
      const request = DoctorRequest.parse(given)
      asked.push({ host: id, instance, request })
      const said = answer(id, request)
      return typeof said === 'string' ? said : JSON.stringify(said)
    })
  }
  await bus.flush()
})
afterAll(async () => {
  await bus?.close()
  await controller?.stop()
  fs.rmSync(place.folder, { recursive: true, force: true })
})
beforeEach(() => {
  asked = []
  answer = (host) => ({ ok: { findings: [{ ...FINE, hosts: [host] }] } })
})

async function examine(body: unknown): Promise<DoctorView> {
  const { status, json } = await controller.call('POST', '/v1/doctor', body)
  expect(status, JSON.stringify(json)).toBe(200)
  return DoctorView.parse(json)
}

describe('the doctor of a cluster', () => {
  it('asks every host, with what it needs, and says of one that cannot be asked why', async () => {
    const { hosts, findings } = await examine({})
    expect(hosts.map(({ id, alive }) => [id, alive])).toEqual([
      ['docker1', true],
      ['docker2', true],
      ['docker3', true],
    ])
    expect(asked.find(({ host }) => host === 'docker1')?.instance).toBe('instance-docker1')
    const first = asked.find(({ host }) => host === 'docker1')?.request
    expect(first).toMatchObject({
      do: 'host',
      peers: { docker2: '10.250.0.12', docker3: '10.250.0.13' },
      endpoints: 0,
    })
    expect(Math.abs(Date.now() - (first?.do === 'host' ? first.sentMs : 0))).toBeLessThan(10_000)
    expect(findings).toContainEqual({ ...FINE, hosts: ['docker2'] })
    const unheard = findings.find(({ hosts }) => hosts[0] === 'docker3')
    expect(unheard).toMatchObject({ check: 'agent', severity: 'error' })
    expect(unheard?.measured).toContain('cannot be asked over NATS [unavailable]')
    expect(unheard?.remedy).toContain('--nats')
    expect(findings.filter(({ check }) => check === 'services').length).toBeGreaterThan(0)
  })

  it('lets one host of a pair listen, the other probe, and the first stop, each told of the other', async () => {
    await controller.call(
      'POST',
      '/v1/networks',
      networkRequest('wired', {
        driver: 'macvlan',
        options: { parent: 'eth0' },
        subnets: [{ subnet: '10.99.0.0/24' }],
      }),
    )
    answer = (host, request) => ({
      ok: {
        findings: request.do === 'probe' ? [{ ...FINE, check: 'udp-port', hosts: [host, request.probe.peer] }] : [],
      },
    })
    const { findings } = await examine({ hosts: [], pairs: [['docker2', 'docker1']] })
    expect(findings).toEqual([{ ...FINE, check: 'udp-port', hosts: ['docker2', 'docker1'] }])
    expect(asked.map(({ host, request }) => `${host} ${request.do}`)).toEqual([
      'docker1 listen',
      'docker2 probe',
      'docker1 close',
    ])
    const [listen, probe, close] = asked.map(({ request }) => request)
    if (listen?.do !== 'listen' || probe?.do !== 'probe' || close?.do !== 'close') throw new Error('not in this order')
    const { peer: _, address: __, ...common } = probe.probe
    expect(listen.probe).toEqual({ ...common, peer: 'docker2', address: '10.250.0.12' })
    expect(probe.probe).toMatchObject({ peer: 'docker1', address: '10.250.0.11', udpPort: 4789 })
    expect(common.wires).toEqual([{ parent: 'eth0', networks: ['wired'], macs: 'own' }])
    expect(close.id).toBe(common.id)
  })

  it('keeps probes of one call apart', async () => {
    answer = () => ({ ok: { findings: [] } })
    await examine({
      hosts: [],
      pairs: [
        ['docker1', 'docker2'],
        ['docker2', 'docker1'],
      ],
    })
    const probes = asked.flatMap(({ request }) => (request.do === 'probe' ? [request.probe] : []))
    for (const field of ['id', 'number', 'vni'] as const)
      expect(new Set(probes.map((each) => each[field])).size).toBe(2)
  })

  it('ends the listening also when the probe fails, and says what failed', async () => {
    answer = (_, request) =>
      request.do === 'probe'
        ? { error: { code: 'unavailable', what: 'no namespace for a probe', why: 'Operation not permitted' } }
        : { ok: { findings: [] } }
    const { findings } = await examine({ hosts: [], pairs: [['docker1', 'docker2']] })
    expect(findings).toMatchObject([{ check: 'pair', severity: 'skipped', hosts: ['docker1', 'docker2'] }])
    expect(findings[0]?.measured).toContain('no namespace for a probe: Operation not permitted')
    expect(asked.at(-1)).toMatchObject({ host: 'docker2', request: { do: 'close' } })
  })

  it.each<[string, Answer]>([
    ['no JSON', 'garbage'],
    ['an unknown severity', { ok: { findings: [{ ...FINE, severity: 'fatal', hosts: ['docker1'] }] } }],
    ['three hosts', { ok: { findings: [{ ...FINE, hosts: ['a', 'b', 'c'] }] } }],
    ['an error of no code', { error: { code: 'odd' as 'internal', what: 'odd' } }],
  ])('takes an answer that is %s for none', async (_, given) => {
    answer = () => given
    const { findings } = await examine({ hosts: ['docker1'] })
    expect(findings).toMatchObject([{ check: 'agent', severity: 'error', hosts: ['docker1'] }])
  })

  it.each<[string, unknown, number]>([
    ['a host that there is not', { hosts: ['docker9'] }, 404],
    ['a pair with a host that there is not', { pairs: [['docker1', 'docker9']] }, 404],
    ['a host that is no name', { hosts: ['../x'] }, 400],
    ['half a pair', { pairs: [['docker1']] }, 400],
    ['more pairs than one call takes', { pairs: Array.from({ length: 9 }, () => ['docker1', 'docker2']) }, 400],
    ['an unknown field', { everything: true }, 400],
  ])('refuses %s and asks nobody', async (_, body, expected) => {
    expect((await controller.call('POST', '/v1/doctor', body)).status).toBe(expected)
    expect(asked).toEqual([])
  })
})

describe('the doctor of a host', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-doctor-'))
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  const doctor = () =>
    createDoctor({
      host: 'docker1',
      store: StateStore.open({ file: path.join(folder, 'state'), log: QUIET, newInstance: () => 'instance-own' }),
      engine: new Engine(path.join(folder, 'no.sock')),
      loop: new Loop({
        pass: async () => ({ applied: undefined, problems: [], ops: 0, retryInMs: undefined }) as never,
        log: QUIET,
        onResult: () => {},
        everyMs: 60_000,
      }),
      log: QUIET,
      facts: () => factsOf('docker1', '10.250.0.11'),
      now: () => 1_000,
      pluginSocket: path.join(folder, 'plugin.sock'),
      dataFolder: folder,
    })
  const door = (verb = 'doctor') => {
    const unasked = { answer: () => Promise.reject(new Error('not asked here')) }
    const handlers = {
      doctor: doctor(),
      'container-find': unasked,
      'docker-network': unasked,
      'take-over': unasked,
      'network-connect': unasked,
      'network-disconnect': unasked,
      ports: unasked,
      attach: unasked,
      detach: unasked,
      reach: unasked,
      'trace-end': unasked,
      'trace-try': unasked,
    }
    const answer = createHostDoor({ handlers, instance: () => 'instance-own', log: QUIET })
    return async (text: string) => await answer(verb, text)
  }
  const call = (instance: string, request: object) => JSON.stringify({ instance, request })
  const look = (more: object = {}) => ({ do: 'host', sentMs: 0, peers: {}, endpoints: 0, ...more })

  it('tells at once of a twin: an agent of its name that is not the one that joined', async () => {
    const text = (await door()(call('instance-other', look()))) ?? ''
    expect(JSON.parse(text).ok.findings).toMatchObject([
      {
        check: 'identity',
        severity: 'error',
        hosts: ['docker1'],
        measured: 'another agent runs under the name docker1',
      },
    ])
  })

  it('leaves probes that are meant for its twin alone', async () => {
    expect(await door()(call('instance-other', { do: 'close', id: 'abcdefgh' }))).toBeUndefined()
  })

  it('takes the end of what it does not know for done', async () => {
    const text = call('instance-own', { do: 'close', id: 'abcdefgh' })
    expect(JSON.parse((await door()(text)) ?? '')).toEqual({ ok: { findings: [] } })
  })

  it.each([
    '',
    'null',
    '{"do":"format"}',
    call('instance-own', { do: 'format' }),
    call('instance-own', look({ more: 1 })),
    call('instance-own', look({ peers: { a: '10.1' } })),
    JSON.stringify({ instance: 'instance-own', request: look(), more: 1 }),
  ])('refuses %s', async (text) => {
    expect(JSON.parse((await door()(text)) ?? '')).toMatchObject({ error: { code: 'invalid' } })
  })

  it('says of a request that it does not know that versions differ', async () => {
    const text = await door('sing')(call('instance-own', {}))
    expect(JSON.parse(text ?? '')).toMatchObject({ error: { code: 'unsupported', on: 'sing' } })
  })

  it('has a finding for every check that concerns it, whatever is missing around it', async () => {
    const { ok } = JSON.parse((await door()(call('instance-own', look({ peers: { b: '10.250.0.11' } })))) ?? '')
    const severity = (check: string) => ok.findings.find((each: { check: string }) => each.check === check)?.severity
    expect(severity('docker')).toBe('error')
    expect(severity('plugin')).toBe('error')
    expect(severity('identity')).toBe('error')
    expect(severity('intent')).toBe('skipped')
    expect(severity('clock')).toBe('ok')
    expect(severity('disk')).toBeDefined()
  })
})
