/** Every bad input at the command line and at the API of a real controller: refused in words, and nothing has changed. */
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { ERROR_CODES } from '@weft/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NatsBus } from '../../controller/src/bus/index.ts'
import { factsOf, TestAgent } from '../support/agent.ts'
import { argvOf, BAD_INPUTS, type BadInput, bodyOf, ROUTE_OF_DOCKER2, TAKEN } from '../support/bad-input.ts'
import { PUBLICATIONS } from '../support/bad-publications.ts'
import { ControllerProcess, newPlace } from '../support/controller.ts'
import { runWeft } from './cli-process.ts'

let controller: ControllerProcess
let bus: NatsBus
let etcd = ''
let before = ''

beforeAll(async () => {
  controller = new ControllerProcess(await newPlace())
  etcd = (await controller.ready()).etcd[0] ?? ''
  bus = await controller.bus()
  for (const [id, address, routes] of [
    ['docker1', '10.250.0.11', ['10.250.0.0/24']],
    ['docker2', '10.250.0.12', ['10.250.0.0/24', ROUTE_OF_DOCKER2]],
  ] as const) {
    const agent = new TestAgent(bus, id, address)
    await agent.ask('join', { instance: agent.instance, facts: { ...factsOf(id, address), routes: [...routes] } })
  }
  const taken = { name: TAKEN.name, subnets: [{ subnet: TAKEN.subnet }], options: { vni: TAKEN.vni } }
  expect((await controller.call('POST', '/v1/networks', bodyOf(taken))).status).toBe(200)
  before = await dump()
})
afterAll(async () => {
  await bus?.close()
  await controller?.stop()
  fs.rmSync(controller.place.folder, { recursive: true, force: true })
})

/** Every key with its revision and value, leased ones left out: they come and go by themselves. */
async function dump(): Promise<string> {
  const argv = [`--endpoints=${etcd}`, 'get', '/weft/', '--prefix', '--write-out=json']
  const { stdout } = await promisify(execFile)('etcdctl', argv, {
    env: { ...process.env, ETCDCTL_API: '3' },
    maxBuffer: 1e8,
  })
  const { kvs } = JSON.parse(stdout) as { kvs: { key: string; value: string; mod_revision: number; lease?: unknown }[] }
  return kvs
    .filter(({ lease }) => lease === undefined)
    .map(({ key, value, mod_revision }) => [atob(key), mod_revision, atob(value)].join(' '))
    .join('\n')
}

const rows = (has: (row: BadInput) => unknown) =>
  [...BAD_INPUTS, ...PUBLICATIONS].filter((row) => has(row)).map((row) => [row.name, row] as const)

describe('the API', () => {
  it.each(rows(({ wish, http }) => wish ?? http))('refuses a %s', async (_, { wish, http, code, words }) => {
    const { method, path, body, status } = http ?? { method: 'POST', path: '/v1/networks', body: bodyOf(wish ?? {}) }
    const answer = await controller.call(method, path, body)
    const { error } = answer.json ?? {}
    const text = [error?.what, error?.on, error?.why, error?.remedy].join(' | ')
    if (process.env.SHOW) console.log(`API ${answer.status} ${error?.code} ${text}`)
    expect([answer.status, error?.code]).toEqual([status ?? ERROR_CODES[code].http, code])
    for (const word of words) expect(text).toContain(word)
    for (const part of [error.what, error.remedy]) expect(part).toMatch(/./)
    expect(text.length).toBeLessThan(1200)
    expect(text).not.toMatch(/Invalid input|undefined|\[object|\n\s+at /)
    expect(await dump()).toBe(before)
  })
})

describe('the command line', () => {
  it.concurrent.each(rows(({ wish, cli }) => wish ?? cli))('refuses a %s', async (_, { wish, cli, code, words }) => {
    const env = { WEFT_CONTROLLER: `unix:${controller.socket}`, WEFT_DEBUG: '' }
    const { exit, stdout, stderr } = await runWeft(cli ?? argvOf(wish ?? {}), env)
    if (process.env.SHOW) console.log(`CLI ${exit} ${stderr}`)
    expect(exit).toBe(ERROR_CODES[code].exit)
    // As Docker's, inspect prints a list of what it found.
    expect(['', '[]\n']).toContain(stdout)
    for (const word of words) expect(stderr).toContain(word)
    expect(stderr).toMatch(/^weft: [^\n]+\[[a-z_]+\]\n/)
    expect(stderr).toMatch(/\n {2}next: ./)
    expect(stderr).not.toMatch(/Invalid input|undefined|\[object|\n\s+at /)
  })

  it('has changed nothing', async () => {
    expect(await dump()).toBe(before)
  })
})
