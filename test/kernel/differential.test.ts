/**
 * The fake kernel against the real one: the same ops, made at random from a seed, must be taken or refused alike (by
 * code) and leave the same state. What this finds becomes a rule of the fake.
 */
import { FABRIC_NETNS, type HostState, type Link, type Op } from '@weft/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFakeKernel } from '../../agent/src/kernel/index.ts'
import { createLinuxWorld } from './linux-world.ts'

const FABRIC = FABRIC_NETNS
const SANDBOX = 'sandbox'
const VTEP = '192.168.77.1'
const SEED = Number(process.env.WEFT_SEED ?? 20261121)
const RUNS = 25

const name = fc.constantFrom('wfa', 'wfb', 'wfc', 'wfd')
const netns = fc.constantFrom('', FABRIC, SANDBOX)
const mac = fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03')
const mtu = fc.constantFrom(1000, 1300, 1400, 1450, 1500)
const ip = fc.constantFrom('10.64.0.2', '10.64.0.3', '10.65.0.1', 'fd00::2', 'fd00::3')
const vtep = fc.constantFrom('192.168.77.2', '192.168.77.3', 'fd77::2')
const bool = fc.boolean()

const common = { netns, name, mac, up: bool, ipv6: bool }
const optional = { requiredKeys: ['kind', 'netns', 'name', 'mac', 'ipv6', 'up'] }
const link = fc.oneof(
  fc.record({ kind: fc.constant('bridge'), ...common, mtu, multicastSnooping: bool }, optional as never),
  fc.record({
    kind: fc.constant('vxlan'),
    ...common,
    netns: fc.constantFrom('', FABRIC),
    mtu,
    vni: fc.constantFrom(1, 2),
    underlay: fc.constantFrom('eth0', 'eth0', 'eth9'),
    local: fc.constant(VTEP),
    udpPort: fc.constantFrom(4789, 4790),
    learning: bool,
    proxy: bool,
  }),
  fc.record({ kind: fc.constant('veth'), ...common, mtu, peer: fc.record({ netns, name }), peerMac: mac }),
  fc.record({
    kind: fc.constant('macvlan'),
    ...common,
    parent: fc.record({ netns: fc.constantFrom('', FABRIC), name: fc.constantFrom('eth0', 'wfa', 'wfb') }),
    mode: fc.constantFrom('bridge', 'private', 'passthru'),
  }),
) as fc.Arbitrary<Link>

const set = fc.record(
  {
    mtu,
    mac,
    up: bool,
    master: fc.option(name),
    ipv6: bool,
    multicastSnooping: bool,
    proxy: bool,
    alias: fc.constant('x'),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Extract<Op, { op: 'link-set' }>['set']>
const on = { netns, link: name }
const cidr = ip.map((text) => `${text}/${text.includes(':') ? 64 : 24}`)
const fdbEntry = fc.record({ ...on, mac, vtep }, { requiredKeys: ['netns', 'link', 'mac'] })
const route = fc.record(
  { ...on, destination: fc.constantFrom('0.0.0.0/0', '10.9.0.0/16'), via: fc.constantFrom('10.64.0.1', '10.66.0.1') },
  { requiredKeys: ['netns', 'link', 'destination'] },
)
const op = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('link-add'), link }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('link-delete'), netns, name }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('link-set'), netns, name, set }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom('address-add', 'address-delete'),
      address: fc.record({ ...on, address: cidr }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('route-set', 'route-delete'), route }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom('neighbour-set', 'neighbour-delete'),
      neighbour: fc.record({ ...on, ip, mac }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constantFrom('fdb-set', 'fdb-delete'), entry: fdbEntry }) },
) as fc.Arbitrary<Op>

describe('the fake kernel beside the real one', () => {
  it(`takes and refuses ${RUNS} lists of random ops alike, seed ${SEED}`, { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 20, maxLength: 60 }), async (ops) => {
        const { real, fake } = await compare(ops)
        expect(fake).toEqual(real)
      }),
      { seed: SEED, numRuns: RUNS, endOnFailure: process.env.WEFT_SHRINK === undefined },
    )
  })
})

/** The story of both: each op with its outcome, and the state after it. */
async function compare(ops: readonly Op[]): Promise<{ real: unknown[]; fake: unknown[] }> {
  const world = await createLinuxWorld()
  try {
    world.addNic('eth0', `${VTEP}/24`)
    const sandbox = world.makeSandbox()
    const nic = (await world.kernel.observe([])).state.links.find(({ name: known }) => known === 'eth0')
    const fake = createFakeKernel()
    fake.addSandbox(sandbox)
    fake.addForeign({ kind: 'other', netns: '', name: 'eth0', mtu: 1500, mac: nic?.mac ?? '' })
    const story = { real: [] as unknown[], fake: [] as unknown[] }
    for (const each of ops) {
      const here = JSON.parse(JSON.stringify(each).replaceAll(`"netns":"${SANDBOX}"`, `"netns":"${sandbox}"`)) as Op
      for (const [who, kernel] of [
        ['real', world.kernel],
        ['fake', fake],
      ] as const) {
        const outcome = (await kernel.apply([here]))[0]?.error.code ?? 'done'
        const { state } = await kernel.observe([sandbox])
        story[who].push({ op: each, outcome, state: normal(state, sandbox) })
      }
      if (JSON.stringify(story.real.at(-1)) !== JSON.stringify(story.fake.at(-1))) break
    }
    // The first difference is the one that matters.
    return { real: story.real.slice(-1), fake: story.fake.slice(-1) }
  } finally {
    await world.dispose()
  }
}

/** Sorted lines, NICs and what only one of them can know left out. */
function normal(state: HostState, sandbox: string): string[] {
  const lines = [
    ...state.links.filter(({ name: known }) => !known.startsWith('eth0')).map((each) => describeLink(each)),
    ...state.addresses.map((entry) => `address ${JSON.stringify(entry)}`),
    ...state.routes.map((entry) => `route ${entry.netns} ${entry.destination} ${entry.via ?? '-'} ${entry.link}`),
    ...state.neighbours.map(({ netns: where, link: dev, ip: of, mac: at }) => `neighbour ${where} ${dev} ${of} ${at}`),
    ...state.fdb.map(({ netns: where, link: dev, mac: of, vtep: at }) => `fdb ${where} ${dev} ${of} ${at ?? 'master'}`),
  ]
  return lines.map((line) => line.replaceAll(sandbox, SANDBOX)).sort()
}

function describeLink(each: Link): string {
  const { netns: where, name: known, kind, mtu: size, mac: of, up, master, ipv6, owned, alias } = each
  const own = Object.entries(each)
    .filter(([key]) =>
      ['vni', 'local', 'udpPort', 'learning', 'proxy', 'mode', 'multicastSnooping', 'port'].includes(key),
    )
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort()
  return [where, known, kind, size, of, up, master, ipv6, owned, alias ?? '-', ...own].join(' ')
}
