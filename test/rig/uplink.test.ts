/**
 * Hosts that call the trunk differently, and an admin who gives it another name; a sub-interface that is an admin's own. The
 * tests are one story and run in order.
 */
import type { HostView } from '@weft/shared'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { waitFor } from '../../cli/src/lab/wait.ts'
import type { Machine } from './machine.ts'
import { attach, failures, type Rig } from './rig.ts'
import { addressOf, ask, converged, docker, linksOf, ping, runContainer, tells, typeGuide, weft } from './story.ts'

const NETWORK = 'trunked'

describe.skipIf(inject('rigReason') !== '')('logical uplinks', () => {
  let rig: Rig
  let peer = ''
  const reachesSoon = () =>
    waitFor(async () => (await ping(rig.hosts[0], 'n1', peer, 1)).received === 1, {
      what: 'n1 to reach n2',
      timeoutMs: 30_000,
      intervalMs: 200,
    })
  const sub = async (host: Machine, name: string) => (await linksOf(host)).find(({ ifname }) => ifname === name)

  beforeAll(async () => {
    rig = attach()
    const [first, second] = rig.hosts
    await second.shell('ip link set eth1 down; ip link set eth1 name ens7; ip link set ens7 up')
    const names = async () =>
      (await ask<HostView>(rig.controller, '/v1/hosts/docker2')).facts.interfaces.map(({ name }) => name)
    await waitFor(async () => (await names()).includes('ens7'), {
      what: 'docker2 to tell of ens7',
      timeoutMs: 60_000,
      intervalMs: 500,
    })
    await typeGuide(rig.controller, `parent=@trunk.150 ${NETWORK}`)
    await converged(rig.controller, 2)
    await Promise.all([runContainer(first, 'n1', NETWORK), runContainer(second, 'n2', NETWORK)])
    peer = await addressOf(second, 'n2', NETWORK)
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const machine of rig.machines) console.error(await failures(machine))
  })
  afterAll(() => {
    for (const machine of rig.machines) machine.close()
  })

  it('each host has the VLAN on the NIC that it calls its own', async () => {
    await reachesSoon()
    expect(await sub(rig.hosts[0], 'eth1.150')).toMatchObject({ link: 'eth1', operstate: 'UP' })
    expect(await sub(rig.hosts[1], 'ens7.150')).toMatchObject({ link: 'ens7', operstate: 'UP' })
  })

  it('a NIC under another name: what stands on it goes on, and follows the uplink', async () => {
    const [first] = rig.hosts
    const rename = (from: string, to: string) =>
      first.shell('ip link set "$1" down; ip link set "$1" name "$2"; ip link set "$2" up', [from, to])
    await rename('eth1', 'wan9')
    await tells(rig.controller, 'docker1', /parent interface is missing on this host: eth1/)
    expect(await sub(first, 'eth1.150')).toMatchObject({ link: 'wan9' })
    await reachesSoon()
    await weft(rig.controller, 'uplink', 'set', 'trunk', 'docker1=wan9')
    await waitFor(async () => (await sub(first, 'wan9.150')) !== undefined, {
      what: 'the VLAN to have its new name',
      timeoutMs: 30_000,
      intervalMs: 500,
    })
    expect(await sub(first, 'eth1.150')).toBeUndefined()
    await reachesSoon()
    await rename('wan9', 'eth1')
    await tells(rig.controller, 'docker1', /parent interface is missing on this host: wan9/)
    await weft(rig.controller, 'uplink', 'set', 'trunk', 'docker1=eth1')
    await waitFor(async () => (await sub(first, 'eth1.150')) !== undefined, {
      what: 'the VLAN to have its first name',
      timeoutMs: 30_000,
      intervalMs: 500,
    })
    await reachesSoon()
  })

  it('an admin’s sub-interface is used as it is, and outlives the network', async () => {
    const [first] = rig.hosts
    await first.shell('ip link add link eth1 name eth1.160 type vlan id 160; ip link set eth1.160 up')
    // The kernel tells its state a moment after the command has returned.
    const asIs = async () => ({ ...(await sub(first, 'eth1.160')), operstate: undefined })
    const before = await asIs()
    const options = ['-d', 'macvlan', '--subnet', '10.160.0.0/24', '-o', 'parent=eth1.160', '--no-wait', 'admins']
    // docker2 has no eth1: it says so, and the other host has its network.
    await weft(rig.controller, 'network', 'create', ...options)
    await tells(rig.controller, 'docker2', /network admins: parent interface is missing on this host: eth1/)
    await runContainer(first, 'n3', 'admins')
    expect(await addressOf(first, 'n3', 'admins')).toBe('10.160.0.2')
    expect((await sub(first, 'eth1.160'))?.group).toBe('default')
    await docker(first, 'rm', '-f', 'n3')
    await weft(rig.controller, 'network', 'rm', 'admins')
    await waitFor(async () => (await docker(first, 'network', 'ls', '-q', '-f', 'name=admins')) === '', {
      what: 'the network to be gone from docker1',
      timeoutMs: 60_000,
      intervalMs: 500,
    })
    expect(await asIs()).toEqual(before)
    await first.must(['ip', 'link', 'del', 'eth1.160'])
  })

  it('with the network go the sub-interfaces that were made for it', async () => {
    const [first, second] = rig.hosts
    await Promise.all([docker(first, 'rm', '-f', 'n1'), docker(second, 'rm', '-f', 'n2')])
    await weft(rig.controller, 'network', 'rm', NETWORK)
    await weft(rig.controller, 'uplink', 'unset', 'trunk')
    await converged(rig.controller, 2)
    expect(await sub(first, 'eth1.150')).toBeUndefined()
    expect(await sub(second, 'ens7.150')).toBeUndefined()
    await second.shell('ip link set ens7 down; ip link set ens7 name eth1; ip link set eth1 up')
  })
})
