/**
 * Properties of the whole plan over random networks, endpoints and damage: from any state to any other in one pass, on the small model
 * and on the strict kernel, which refuses what Linux refuses.
 */
import {
  type Entry,
  formatOp,
  type HostState,
  interfaceName,
  type LocalEndpoint,
  type NetworkSpec,
  toEntryMap,
} from '@weft/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFakeKernel } from '../../agent/src/kernel/fake/fake-kernel.ts'
import { desiredState, diff } from '../../agent/src/plan/index.ts'
import { applyOps } from '../support/apply-ops.ts'
import { aHost, aLocal, aNetwork, aRemote, bareKernel, uid } from '../support/networks.ts'

/** Hundreds of hosts compared in one test: seconds, and more on a busy machine. */
const PATIENT = { timeout: 60_000 }
const HOST = aHost()
const BARE = bareKernel(HOST)

/** A few kinds of networks that can live side by side on one host. */
const KINDS = [
  { driver: 'overlay', options: {} },
  { driver: 'overlay', options: { attach: 'macvlan' } },
  { driver: 'overlay', options: { flood: 'true', port: '8472' } },
  { driver: 'macvlan', options: { parent: 'eth1.100' } },
  { driver: 'macvlan', options: { parent: '@storage.7.8', macvlan_mode: 'private' } },
  { driver: 'ipvlan', options: { parent: 'eth1.300' } },
  { driver: 'ipvlan', options: { parent: 'eth1.300' } },
  { driver: 'ipvlan', options: { parent: '@storage.301', ipvlan_mode: 'l3', ipvlan_flag: 'vepa' } },
  { driver: 'bridge', options: {} },
  { driver: 'bridge', options: { parent: 'eth1.200' } },
] as const

const arbNetwork = fc.record({
  kind: fc.integer({ min: 0, max: KINDS.length - 1 }),
  revision: fc.integer({ min: 0, max: 2 }),
  locals: fc.array(fc.constantFrom('new' as const, 'sandbox' as const), { maxLength: 3 }),
  remotes: fc.integer({ min: 0, max: 4 }),
})
type Wish = { kind: number; revision: number; locals: ('new' | 'sandbox')[]; remotes: number }
const arbHost = fc.uniqueArray(arbNetwork, { selector: ({ kind }) => kind, maxLength: KINDS.length })

function expand(wishes: readonly Wish[]): HostState {
  const entries: Entry[] = [
    { kind: 'peer', host: 'h2', vtep: '192.0.2.2' },
    { kind: 'peer', host: 'h3', vtep: '192.0.2.3' },
  ]
  const endpoints = new Map<string, LocalEndpoint[]>()
  for (const { kind, revision, locals, remotes } of wishes) {
    const network: NetworkSpec = aNetwork({
      ...(KINDS[kind] ?? KINDS[0]),
      uid: uid(`n${kind}`),
      name: `net${kind}`,
      vni: 100 * (kind + 1) + revision,
      mtu: revision === 2 ? 1400 : 1430,
    })
    entries.push({ kind: 'network', ...network })
    endpoints.set(
      network.uid,
      locals.map((phase, index) => aLocal(kind * 10 + index, phase)),
    )
    for (let index = 0; index < remotes; index++) {
      const { uid: id, mac, addresses } = aRemote(kind * 10 + index)
      const host = (index + revision) % 2 === 0 ? 'h2' : 'h3'
      entries.push({
        kind: 'endpoint',
        uid: id,
        network: network.uid,
        host,
        mac,
        addresses: [...addresses],
        aliases: [],
      })
    }
  }
  const { state, problems } = desiredState({ entries: toEntryMap(entries), endpoints, hostId: 'h1', host: HOST })
  expect(problems).toEqual([])
  return state
}

describe('the plan', () => {
  it('goes from any host to any other in one pass, and rests there', PATIENT, () => {
    fc.assert(
      fc.property(arbHost, arbHost, (before, after) => {
        const [first, second] = [expand(before), expand(after)]
        const there = applyOps(BARE, diff(first, BARE).ops)
        expect(diff(first, there)).toEqual({ ops: [], conflicts: [] })
        const elsewhere = applyOps(there, diff(second, there).ops)
        expect(diff(second, elsewhere)).toEqual({ ops: [], conflicts: [] })
      }),
      { numRuns: 100 },
    )
  })

  it('asks the strict kernel for nothing that it refuses', PATIENT, async () => {
    await fc.assert(
      fc.asyncProperty(arbHost, arbHost, async (before, after) => {
        const kernel = createFakeKernel()
        for (const link of BARE.links) kernel.addForeign(link)
        const sandboxes = sandboxesOf([...before, ...after])
        for (const path of sandboxes) kernel.addSandbox(path)
        for (const wishes of [before, after]) {
          const desired = expand(wishes)
          const { ops, conflicts } = diff(desired, (await kernel.observe(sandboxes)).state)
          const failures = await kernel.apply(ops)
          expect(failures.map(({ op, error }) => `${formatOp(op)}: ${error.message}`)).toEqual([])
          expect(conflicts).toEqual([])
          const rest = diff(desired, (await kernel.observe(sandboxes)).state)
          expect(rest.ops.map(formatOp)).toEqual([])
        }
      }),
      { numRuns: 60 },
    )
  })

  it('heals any damage in one pass', PATIENT, () => {
    fc.assert(
      fc.property(arbHost, fc.infiniteStream(fc.integer({ min: 0, max: 5 })), (wishes, dice) => {
        const desired = expand(wishes)
        const whole = applyOps(BARE, diff(desired, BARE).ops)
        const damaged = damage(whole, () => dice.next().value ?? 0)
        const healed = applyOps(damaged, diff(desired, damaged).ops)
        expect(diff(desired, healed)).toEqual({ ops: [], conflicts: [] })
      }),
      { numRuns: 100 },
    )
  })
})

/** Takes away links (with what the kernel takes with them) and entries, and alters attributes, as an admin by hand would. */
function damage(state: HostState, roll: () => number): HostState {
  const gone = state.links.filter((link) => link.owned === true && roll() === 0)
  const torn = applyOps(
    state,
    gone.map(({ netns, name }) => ({ op: 'link-delete', netns, name })),
  )
  return {
    ...torn,
    links: torn.links.map((link) =>
      link.owned === true && roll() === 1 ? { ...link, mtu: 1000, up: false, alias: 'x' } : link,
    ),
    fdb: torn.fdb
      .filter(() => roll() !== 2)
      .map((entry) => (entry.vtep && roll() === 2 ? { ...entry, vtep: '192.0.2.99' } : entry)),
    neighbours: torn.neighbours.filter(() => roll() !== 3),
    addresses: torn.addresses.filter(() => roll() !== 4),
    nftTables: torn.nftTables
      .filter(() => roll() !== 5)
      .map((table) => (roll() === 5 ? { ...table, sets: [], chains: [] } : table)),
  }
}

function sandboxesOf(wishes: readonly Wish[]): string[] {
  const paths = wishes.flatMap(({ kind, locals }) =>
    locals.map((_, index) => `/var/run/docker/netns/c${kind * 10 + index}`),
  )
  return [...new Set(paths)]
}

describe('speed', () => {
  /** DESIGN section 12. CPU time of this thread, so that a busy machine says nothing. */
  it('compares 10,000 FDB entries and neighbours in under 100 ms', () => {
    const link = interfaceName('vxlan', uid('n1'))
    const vxlan = expand([{ kind: 1, revision: 0, locals: [], remotes: 0 }])
    const entries = Array.from({ length: 10_000 }, (_, index) => aRemote(index))
    const name = vxlan.links[0]?.name ?? link
    const desired: HostState = {
      ...vxlan,
      fdb: entries.map(({ mac, vtep }) => ({ netns: 'weft', link: name, mac, vtep })),
      neighbours: entries.map(({ mac, addresses }) => ({ netns: 'weft', link: name, ip: addresses[0] ?? '', mac })),
    }
    const bare = applyOps(BARE, diff(vxlan, BARE).ops)
    const observed = { ...bare, fdb: desired.fdb.slice(5), neighbours: desired.neighbours.slice(0, -5) }
    const times = Array.from({ length: 5 }, () => {
      const before = process.threadCpuUsage()
      const { ops } = diff(desired, observed)
      expect(ops).toHaveLength(10)
      const { user, system } = process.threadCpuUsage(before)
      return (user + system) / 1000
    })
    expect(Math.min(...times)).toBeLessThan(100)
  })
})
