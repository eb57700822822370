/** `weft trace` over the bus: whom a controller asks, in which order, and what it makes of what they answer, or do not. */
import fs from 'node:fs'
import {
  HOST_VERBS,
  HostCall,
  hostCallSubject,
  NetworkView,
  parseJsonWith,
  type TraceEnd,
  type TraceTry,
  TraceView,
} from '@weft/shared'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NatsBus } from '../../controller/src/bus/index.ts'
import { TestAgent } from '../support/agent.ts'
import { ControllerProcess, networkRequest, newPlace, type Place } from '../support/controller.ts'
import { eventually } from '../support/lab.ts'

const HOSTS = { docker1: 'web', docker2: 'db' } as const
type HostName = keyof typeof HOSTS

let place: Place
let controller: ControllerProcess
let bus: NatsBus
/** What agents were asked, in order, and what they answer. */
let asked: string[]
let end: (host: HostName, times: number) => TraceEnd
let tried: () => TraceTry
const addresses = new Map<string, string>()

beforeAll(async () => {
  place = await newPlace()
  controller = new ControllerProcess(place)
  await controller.ready()
  bus = await controller.bus()
  const front = NetworkView.parse((await controller.call('POST', '/v1/networks', networkRequest('front'))).json)
  const agents: TestAgent[] = []
  for (const [index, [host, name]] of Object.entries(HOSTS).entries()) {
    const agent = new TestAgent(bus, host, `10.250.0.${11 + index}`)
    await agent.join()
    const subnet = front.subnets[0]?.uid ?? ''
    const claim = { ...agent.fence, req: `claim-${host}`, network: front.uid, subnet, names: [name] }
    const { endpoint } = await agent.ask('claim', claim)
    addresses.set(name, endpoint.addresses[0]?.split('/')[0] ?? '')
    const report = { uid: endpoint.uid, state: 'attached' as const, name, aliases: [] }
    await agent.ask('report', { ...agent.fence, complete: true, endpoints: [report] })
    agents.push(agent)
    for (const verb of ['trace-end', 'trace-try'] as const)
      bus.serve(hostCallSubject(host, verb), async ({ text }) => {
        const request = HOST_VERBS[verb].request.parse(parseJsonWith(HostCall, text, 'call').request)
        expect(request.endpoint).toBe(endpoint.uid)
        asked.push(`${host} ${verb}`)
        const times = asked.filter((each) => each === `${host} ${verb}`).length
        return JSON.stringify({ ok: verb === 'trace-end' ? end(host as HostName, times) : tried() })
      })
  }
  const converged = async () => {
    for (const agent of agents) await agent.report()
    return (await controller.call('GET', '/v1/status')).json.converged
  }
  for (const agent of agents) await agent.resync()
  await eventually('both hosts have followed', 5_000, async () => ((await converged()) ? true : undefined))
  await bus.flush()
})
afterAll(async () => {
  await bus?.close()
  await controller?.stop()
  fs.rmSync(place.folder, { recursive: true, force: true })
})
beforeEach(() => {
  asked = []
  end = (host) => ({
    link: { name: 'eth0', up: true, addresses: [addresses.get(HOSTS[host]) ?? ''] },
    echoes: { 4: 3, 6: 0 },
  })
  tried = () => ({ route: { link: 'eth0' }, echo: true })
})

async function trace(body: unknown): Promise<TraceView> {
  const { status, json } = await controller.call('POST', '/v1/trace', body)
  expect(status, JSON.stringify(json)).toBe(200)
  return TraceView.parse(json)
}
const told = ({ findings }: TraceView) => findings.map(({ check, severity }) => `${check} ${severity}`)

describe('a trace', () => {
  const call = { from: { container: 'web' }, to: { container: 'db' } }

  it('asks both ends, tries it from the one, and asks the other again', async () => {
    const view = await trace(call)
    expect(view).toMatchObject({ from: 'web on docker1', to: 'db on docker2', reached: true })
    expect(told(view)).toEqual(['interface ok', 'interface ok', 'route ok', 'echo ok'])
    expect(asked.slice(0, 2).sort()).toEqual(['docker1 trace-end', 'docker2 trace-end'])
    expect(asked.slice(2)).toEqual(['docker1 trace-try', 'docker2 trace-end'])
    expect(await trace({ ...call, to: { address: addresses.get('db') } })).toMatchObject({ reached: true })
  })

  it('says between which hosts packets are lost, and not when they arrive', async () => {
    tried = () => ({ route: { link: 'eth0' }, echo: false })
    expect(await trace(call)).toMatchObject({ reached: false, between: ['docker1', 'docker2'] })
    const still = end
    end = (host, times) => ({ ...still(host, times), echoes: { 4: 3 + times, 6: 0 } })
    asked = []
    const arrived = await trace(call)
    expect(arrived.reached).toBe(false)
    expect(arrived).not.toHaveProperty('between')
    expect(arrived.findings.at(-1)?.measured).toBe('echo requests come to db, and it does not answer')
  })

  it('an agent that fails leaves its part untold, and the rest stands', async () => {
    end = (host, times) => {
      if (host === 'docker2') return { link: 'garbage' } as unknown as TraceEnd
      return { link: { name: 'eth0', up: true, addresses: [addresses.get('web') ?? ''] }, echoes: { 4: times, 6: 0 } }
    }
    const view = await trace(call)
    expect(told(view)).toEqual(['interface ok', 'interface skipped', 'route ok', 'echo ok'])
    expect(view.reached).toBe(true)
    tried = () => 'garbage' as unknown as TraceTry
    expect(told(await trace(call)).at(-1)).toBe('echo skipped')
  })

  it.each<[string, unknown, number]>([
    ['a container that no host has', { ...call, to: { container: 'nobody' } }, 503],
    ['a host that there is not', { ...call, from: { host: 'docker9', container: 'web' } }, 404],
    ['no end', { from: call.from }, 400],
    ['an address that is none', { ...call, to: { address: '10.0.0' } }, 400],
    ['a port that is none', { ...call, port: 0 }, 400],
    ['an unknown field', { ...call, everything: true }, 400],
  ])('refuses %s and asks nobody', async (_, body, expected) => {
    expect((await controller.call('POST', '/v1/trace', body)).status).toBe(expected)
    expect(asked).toEqual([])
  })
})
