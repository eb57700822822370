/**
 * The drivers and the diff on Linux itself: from a bare host to the desired state in one pass without a refusal, at rest in the
 * second, and back again after damage. VLAN sub-interfaces are for machines whose kernel has 8021q.
 */
import { drivers, formatOp, type HostState, type LocalEndpoint, parseOptions } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { type Diff, diff } from '../../agent/src/plan/index.ts'
import { aHost, aLocal, aNetwork, aRemote } from '../support/networks.ts'
import { createLinuxWorld } from './linux-world.ts'

const VTEP = '192.168.77.1'
const KINDS = [
  { driver: 'overlay', options: {} },
  { driver: 'overlay', options: { attach: 'macvlan', flood: 'true' } },
  { driver: 'bridge', options: {} },
  { driver: 'bridge', options: { parent: 'eth1' } },
  { driver: 'macvlan', options: { parent: 'eth1', mode: 'private' } },
  { driver: 'macvlan', options: { parent: 'eth1', mode: 'passthru' } },
  { driver: 'ipvlan', options: { parent: 'eth1' } },
  { driver: 'ipvlan', options: { parent: 'eth1', mode: 'l3' } },
]
type World = Awaited<ReturnType<typeof createLinuxWorld>>

describe.each(KINDS)('$driver $options on Linux', ({ driver: name, options }) => {
  it('is reached in one pass, kept in its sandbox, and healed', async ({ skip }) => {
    const world = await createLinuxWorld()
    try {
      if (name === 'ipvlan' && world.lacks.ipvlan !== undefined) {
        console.log(`skipped: ${name}: ${world.lacks.ipvlan}`)
        skip(world.lacks.ipvlan)
      }
      world.addNic('eth0', `${VTEP}/24`)
      world.addNic('eth1', '192.168.78.1/24')
      const sandbox = world.makeSandbox()
      const host = await hostOf(world)
      const expand = (endpoints: LocalEndpoint[], vni = 4097): HostState => {
        const driver = drivers().find((candidate) => candidate.name === name)
        if (driver === undefined) throw new Error(`no driver ${name}`)
        return driver.desired({
          network: aNetwork({ driver: name, options, vni }),
          options: parseOptions(driver, options),
          endpoints,
          peers: [aRemote(1, '192.168.77.2'), aRemote(2, '192.168.77.3')],
          peerVteps: ['192.168.77.2', '192.168.77.3'],
          host,
        })
      }
      const wired = aLocal(1, 'sandbox', {
        gateways: ['10.64.0.254'],
        attachment: { phase: 'sandbox', link: { netns: sandbox, name: 'eth0' } },
      })
      await settle(world, expand([aLocal(2, 'new')]), [sandbox])
      await settle(world, expand([wired]), [sandbox])
      await settle(world, expand([wired], 4098), [sandbox])
      for (const link of expand([], 4098).links) {
        world.removeByHand(link.netns, link.name)
        await settle(world, expand([wired], 4098), [sandbox])
      }
      world.removeByHand(sandbox, 'eth0')
      await settle(world, expand([wired], 4098), [sandbox])
      const nothing = { links: [], neighbours: [], fdb: [], nftTables: [], hostForwarding: [] }
      await settle(world, { ...expand([]), ...nothing }, [sandbox])
    } finally {
      await world.dispose()
    }
  })
})

/** One pass without a refusal, and nothing left to do. */
async function settle(world: World, desired: HostState, sandboxes: string[]): Promise<void> {
  const plan = async (): Promise<Diff> => diff(desired, (await world.kernel.observe(sandboxes)).state)
  const { ops, conflicts } = await plan()
  expect(conflicts).toEqual([])
  const failures = await world.kernel.apply(ops)
  expect(failures.map(({ op, error }) => `${formatOp(op)}: ${error.message}`)).toEqual([])
  const rest = await plan()
  expect({ ops: rest.ops.map(formatOp), conflicts: rest.conflicts }).toEqual({ ops: [], conflicts: [] })
}

async function hostOf(world: World): Promise<ReturnType<typeof aHost>> {
  const { state } = await world.kernel.observe([])
  return aHost({
    underlay: { interface: 'eth0', address: VTEP, mtu: 1500 },
    interfaces: state.links.map(({ name, mtu, mac, up }) => ({
      name,
      mtu: mtu ?? 0,
      mac: mac ?? '',
      up: up ?? false,
      kind: 'device',
      addresses: [],
    })),
  })
}
