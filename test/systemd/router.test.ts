/** A router's namespace under a systemd: the sandboxed agent makes it where it outlives the agent. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressOf, bootMachines, type Machine, type Machines, makeCluster, reaches, runContainer } from './machine.ts'
import { whyNot } from './tree.ts'

const reason = whyNot()

describe.skipIf(reason !== undefined)(`a router of the package${reason === undefined ? '' : ` (${reason})`}`, () => {
  let machines: Machines
  let first: Machine
  let second: Machine

  const namespaces = async (machine: Machine) =>
    (await machine.must(['ip', 'netns', 'list'])).split(/\s+/).filter((name) => name.startsWith('weft-r-'))

  beforeAll(async () => {
    machines = await bootMachines()
    first = machines.first
    second = machines.second
    await makeCluster(machines)
    await first.must(['weft', 'network', 'create', '--subnet', '10.20.0.0/24', 'near'])
    await first.must(['weft', 'network', 'create', '--subnet', '10.21.0.0/24', 'far'])
    await runContainer(first, 'c1', 'near')
    await runContainer(second, 'c2', 'far')
  })
  afterAll(() => machines?.close())

  it('is made, carries, and outlives its killed agent', async () => {
    await first.must(['weft', 'router', 'create', '--host', second.name, 'r1'])
    await first.must(['weft', 'router', 'connect', 'r1', 'near', 'far'])
    const to = await addressOf(second, 'c2', 'far')
    expect(await reaches(first, 'c1', to)).toBe(true)
    expect(await namespaces(second)).toHaveLength(1)
    await second.must(['systemctl', 'kill', '-s', 'KILL', 'weft-agent.service'])
    expect(await namespaces(second)).toHaveLength(1)
    expect(await reaches(first, 'c1', to)).toBe(true)
  })

  it('goes with the router', async () => {
    await first.must(['weft', 'router', 'rm', '--wait', 'r1'])
    expect(await namespaces(second)).toEqual([])
  })
})
