/** What every network driver must keep, whatever it does; run on each line of the registry. */
import {
  type Driver,
  type DriverHost,
  type HostState,
  hasParentsMac,
  INTERFACE_NAME_BYTES,
  type Link,
  type LocalEndpoint,
  type NetworkSpec,
  type NftTable,
  parentOf,
  parentUse,
  parseOptions,
  type RemoteEndpoint,
  resolveOptions,
} from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { diff } from '../../agent/src/plan/index.ts'
import { applyOps } from '../support/apply-ops.ts'
import { aHost, aLocal, aNetwork, aRemote, bareKernel } from '../support/networks.ts'

export interface DriverSample {
  readonly title: string
  readonly options: Readonly<Record<string, string>>
  /** Endpoints of one network that a host can have; 3 by default. */
  readonly maxEndpoints?: number
  readonly host?: Partial<DriverHost>
}

export function driverConformance(driver: Driver, samples: readonly DriverSample[]): void {
  describe(`driver ${driver.name}`, () => {
    it('describes itself and each of its options', () => {
      expect(driver.summary).not.toBe('')
      for (const [name, field] of Object.entries(driver.options.shape)) {
        expect((field as { meta(): { description?: string } | undefined }).meta()?.description, name).toBeTruthy()
      }
    })

    for (const sample of samples) describe(sample.title, () => sampleConformance(driver, sample))
  })
}

function sampleConformance(driver: Driver, sample: DriverSample): void {
  const host = aHost(sample.host)
  const network = aNetwork({ driver: driver.name, options: resolveOptions(driver, sample.options) })
  const remotes = [aRemote(1), aRemote(2), aRemote(3, '192.0.2.3')]
  const count = sample.maxEndpoints ?? 3
  const phases = (['new', 'in-flight', 'sandbox'] as const).slice(0, count)
  const locals = phases.map((phase, index) => aLocal(index, phase))
  const settled = phases.map((_, index) => aLocal(index, 'sandbox', { gateways: ['10.64.0.254', 'fd00::ff'] }))
  const expand = (endpoints: readonly LocalEndpoint[], peers: readonly RemoteEndpoint[] = remotes): HostState =>
    expandOn(driver, network, endpoints, peers, host)
  const bare = bareKernel(host)

  it('gives the same state for the same input', () => {
    expect(expand(locals)).toEqual(expand(locals))
  })

  it('tells where its containers are guarded', () => {
    const guards = expand(settled).nftTables.filter(({ name }) => name.startsWith('weft_guard_'))
    const places = new Set(guards.map(({ netns }) => (netns.startsWith('/') ? 'sandbox' : 'port')))
    const told = driver.guard(parseOptions(driver, network.options))
    expect([...places]).toEqual(told === 'off' ? [] : [told])
    expect(guards).toHaveLength(told === 'off' ? 0 : count)
  })

  it('names every link in at most 15 bytes, once in its netns', () => {
    const { links } = expand(locals)
    for (const { name } of links)
      expect(new TextEncoder().encode(name).length, name).toBeLessThanOrEqual(INTERFACE_NAME_BYTES)
    expect(new Set(links.map(({ netns, name }) => `${netns} ${name}`)).size).toBe(links.length)
  })

  it('gives every link an MTU, a MAC and a human name', () => {
    for (const link of expand(locals).links) {
      expect(link.mtu, link.name).toBeGreaterThan(0)
      if (hasParentsMac(link)) expect(link.mac, link.name).toBeUndefined()
      else expect(link.mac, link.name).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
      expect(link.alias, link.name).toBeTruthy()
    }
  })

  it('tells of its links’ MACs and parents what they show', () => {
    const options = parseOptions(driver, network.options)
    const ends = expand(settled).links.filter(({ netns }) => netns.startsWith('/'))
    expect(ends.length).toBe(count)
    for (const end of ends) {
      expect(driver.macs(options)).toBe(hasParentsMac(end) ? 'parent' : 'own')
      const use = driver.parent(options) === undefined ? undefined : parentUse(end)
      expect(driver.parentUse(options)).toBe(use)
    }
  })

  it('keeps links of different hosts apart by MAC', () => {
    const other = expandOn(driver, network, [], remotes, {
      ...host,
      underlay: { ...host.underlay, address: '192.0.2.77' },
      interfaces: host.interfaces.map((fact) => ({ ...fact, mac: fact.mac.replace('ee', 'dd') })),
    })
    const macs = new Set(expand([]).links.map((link) => link.mac))
    for (const link of other.links) if (!hasParentsMac(link)) expect(macs).not.toContain(link.mac)
  })

  it('stands only on what it desires or the host has', () => {
    const { links } = expand(locals)
    const there = new Set([...links, ...bare.links].map(({ netns, name }) => `${netns} ${name}`))
    for (const link of links) for (const below of referenced(link)) expect(there).toContain(below)
  })

  it('hangs every entry on a link that it desires', () => {
    const state = expand(settled)
    const there = new Set(state.links.map(({ netns, name }) => `${netns} ${name}`))
    const entries = [...state.addresses, ...state.routes, ...state.neighbours, ...state.fdb]
    for (const { netns, link } of entries) expect(there).toContain(`${netns} ${link}`)
  })

  it('has no entry of an endpoint before its first endpoint', () => {
    const { addresses, routes, neighbours, fdb } = expand([], [])
    expect([addresses, routes, neighbours, fdb.filter(({ mac }) => mac !== '00:00:00:00:00:00')]).toEqual([
      [],
      [],
      [],
      [],
    ])
  })

  it('needs no change from itself', () => {
    for (const state of [expand([]), expand(locals), expand(settled)]) {
      const observed = { ...state, links: [...bare.links, ...state.links.map((link) => ({ ...link, owned: true }))] }
      expect(diff(state, observed)).toEqual({ ops: [], conflicts: [] })
    }
  })

  it('is reached from a bare host in one pass', () => {
    for (const state of [expand([]), expand(settled)]) {
      const first = diff(state, bare)
      expect(first.conflicts).toEqual([])
      expect(diff(state, applyOps(bare, first.ops))).toEqual({ ops: [], conflicts: [] })
    }
  })

  it('is left again without a rest', () => {
    const full = applyOps(bare, diff(expand([aLocal(0)]), bare).ops)
    const without = { links: [], nftTables: [], hostForwarding: [], fdb: [], neighbours: [] }
    const after = applyOps(full, diff({ ...expand([]), ...without }, full).ops)
    expect(after).toEqual(bare)
  })

  it('loses exactly an endpoint’s objects with the endpoint', () => {
    const removed = settled[0] as LocalEndpoint
    const [before, after] = [expand(settled), expand(settled.slice(1))]
    const gone = (part: keyof HostState) => {
      const kept = new Set(after[part].map((object) => JSON.stringify(object)))
      return before[part].filter((object) => !kept.has(JSON.stringify(object)))
    }
    expect(after.links.length).toBeLessThan(before.links.length)
    for (const link of gone('links') as Link[]) {
      if (hasParentsMac(link)) continue
      expect(link.kind === 'veth' && link.peerMac !== undefined ? link.peerMac : link.mac, link.name).toBe(removed.mac)
    }
    expect(gone('addresses').map((entry) => (entry as { address: string }).address)).toEqual(removed.addresses)
    expect(gone('routes').length).toBe(removed.gateways.length)
    expect(gone('neighbours')).toEqual([])
    for (const entry of gone('fdb')) expect((entry as { mac: string }).mac).toBe(removed.mac)
    for (const table of gone('nftTables') as NftTable[]) expect(table.name).toContain(removed.uid)
  })
}

function expandOn(
  driver: Driver,
  network: NetworkSpec,
  endpoints: readonly LocalEndpoint[],
  peers: readonly RemoteEndpoint[],
  host: DriverHost,
): HostState {
  const peerVteps = [...new Set(peers.map((peer) => peer.vtep))]
  return driver.desired({ network, options: parseOptions(driver, network.options), endpoints, peers, peerVteps, host })
}

function referenced(link: Link): string[] {
  const parent = parentOf(link)
  return [
    ...(parent === undefined ? [] : [`${parent.netns} ${parent.name}`]),
    ...(link.kind === 'vxlan' ? [` ${link.underlay}`] : []),
    ...(typeof link.master === 'string' ? [`${link.netns} ${link.master}`] : []),
  ]
}
