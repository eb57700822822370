/** The command line against a real controller with its own etcd and NATS. */
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ControllerProcess, newPlace } from '../support/controller.ts'
import { runWeft } from './cli-process.ts'

let controller: ControllerProcess
beforeAll(async () => {
  controller = new ControllerProcess(await newPlace())
  await controller.ready()
})
afterAll(async () => {
  await controller.stop()
  fs.rmSync(controller.place.folder, { recursive: true, force: true })
})

const weft = (...argv: string[]) => runWeft(argv, { WEFT_CONTROLLER: `unix:${controller.socket}` })
const names = async () => (await weft('network', 'ls', '--format', 'json')).stdout

describe('a network from the command line', () => {
  it('is made, seen, refused twice and removed by the beginning of its id', async () => {
    const flags = [
      '--subnet',
      '10.20.0.0/24',
      '--subnet',
      'fd20::/64',
      '--ip-range',
      '10.20.0.128/25',
      '--label',
      'a=b',
    ]
    const made = await weft('network', 'create', ...flags, '--aux-address', 'r=10.20.0.9', 'mynet')
    expect(made).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^[0-9a-z]{20}\n$/) })
    const id = made.stdout.trim()

    const [view] = JSON.parse((await weft('network', 'inspect', 'mynet')).stdout)
    expect(view).toMatchObject({ Name: 'mynet', Id: id, Driver: 'overlay', EnableIPv6: true, Labels: { a: 'b' } })
    const aux = { AuxiliaryAddresses: { r: '10.20.0.9' } }
    expect(view.IPAM.Config[0]).toMatchObject({ Subnet: '10.20.0.0/24', IPRange: '10.20.0.128/25', ...aux })

    const twice = await weft('network', 'create', 'mynet')
    expect(twice).toMatchObject({ exit: 4, stdout: '', stderr: expect.stringContaining('mynet') })
    const overlap = await weft('network', 'create', '--subnet', '10.20.0.0/16', 'other')
    expect(overlap).toMatchObject({ exit: 4, stdout: '', stderr: expect.stringContaining('10.20.0.0/24') })

    expect(await weft('network', 'rm', id.slice(0, 12))).toMatchObject({ exit: 0, stdout: `${id.slice(0, 12)}\n` })
    expect(await names()).toBe('[]\n')
  })

  it('is only told of with --dry-run', async () => {
    const ended = await weft('network', 'create', '--dry-run', '--subnet', '10.30.0.0/24', 'plan')
    expect(ended).toMatchObject({ exit: 0, stdout: expect.stringContaining('would create overlay network plan') })
    expect(await names()).toBe('[]\n')
  })

  it.each([
    [3, ['network', 'rm', 'nope'], 'nope'],
    [3, ['network', 'inspect', 'nope'], 'nope'],
    [3, ['host', 'inspect', 'nope'], 'nope'],
    [3, ['endpoint', 'inspect', 'nope'], 'nope'],
    [3, ['uplink', 'set', 'storage', 'nope=eth1'], 'nope'],
    [3, ['uplink', 'unset', 'storage'], 'storage'],
  ])('exits %i: %j', async (exit, argv, word) => {
    const ended = await weft(...argv)
    expect(ended).toMatchObject({ exit, stderr: expect.stringContaining(word) })
    expect(ended.stderr).toMatch(/next: /)
  })
})

describe('events', () => {
  it('tell of a network as it comes', async () => {
    const env = { WEFT_CONTROLLER: `unix:${controller.socket}` }
    const watching = runWeft(['events', '-f', 'type=network'], env, 'network create')
    // The stream begins when it is answered; made and removed until it shows being made.
    let ended = false
    const done = watching.finally(() => {
      ended = true
    })
    while (!ended) {
      await weft('network', 'create', '--no-wait', 'late')
      await weft('network', 'rm', '--no-wait', 'late')
    }
    expect(await done).toMatchObject({
      exit: 0,
      stderr: '',
      stdout: expect.stringMatching(/network create .*name=late/),
    })
  })
})

describe('over TCP', () => {
  it('needs the secret', async () => {
    const address = `http://127.0.0.1:${controller.place.port}`
    const wrong = path.join(controller.place.folder, 'wrong')
    fs.writeFileSync(wrong, 'x'.repeat(40))
    const right = path.join(controller.place.folder, 'secret')
    const ls = (...flags: string[]) => weft('network', 'ls', '-q', '--controller', address, ...flags)
    expect(await ls('--secret-file', right)).toEqual({ exit: 0, stdout: '', stderr: '' })
    expect(await ls('--secret-file', wrong)).toMatchObject({ exit: 5, stdout: '' })
    expect(await ls()).toMatchObject({ exit: 5, stdout: '', stderr: expect.stringContaining('secret') })
  })
})
