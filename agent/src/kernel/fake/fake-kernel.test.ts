import { FABRIC_NETNS, type HostState, type Link, type NftTable, type NftTableRef, WEFT_LINK_GROUP } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { type KernelWorld, kernelConformance } from '../../../../test/conformance/kernel.ts'
import { createFakeKernel } from './fake-kernel.ts'

kernelConformance('the fake kernel', async () => fakeWorld())

function fakeWorld(): KernelWorld {
  const kernel = createFakeKernel()
  let sandboxes = 0
  const foreign: NftTableRef[] = []
  return {
    kernel,
    lacks: {},
    makeSandbox: () => {
      const path = `/run/netns/sandbox${++sandboxes}`
      kernel.addSandbox(path)
      return path
    },
    removeSandbox: (path) => kernel.removeSandbox(path),
    addNic: (name) => kernel.addForeign({ kind: 'other', netns: '', name, mtu: 1500, mac: '02:00:00:00:ee:01' }),
    addForeignBridge: (name) => kernel.addForeign({ kind: 'bridge', netns: '', name, mtu: 1500 }),
    removeByHand: (netns, name) => kernel.removeByHand({ netns, name }),
    setForeignTable: (netns, name) => {
      foreign.push({ netns, family: 'inet', name })
      kernel.addForeignTable({ netns, family: 'inet', name })
    },
    alterTable: (_netns, table) => kernel.alterTable(table),
    facts: (netns) => factsOf(kernel.snapshot(), netns, foreign),
    dispose: async () => {},
  }
}

function factsOf(state: HostState, netns: string, foreign: readonly NftTableRef[]): string[] {
  const here = (entry: { netns: string }) => entry.netns === netns
  return [
    ...state.links.filter(here).flatMap(linkFacts),
    ...state.addresses.filter(here).map((entry) => `address ${entry.link} ${entry.address}`),
    ...state.routes.filter(here).map((entry) => `route ${entry.destination} ${entry.via ?? '-'} ${entry.link}`),
    ...state.neighbours.filter(here).map((entry) => `neighbour ${entry.link} ${entry.ip} ${entry.mac}`),
    ...state.fdb.filter(here).map((entry) => `fdb ${entry.link} ${entry.mac} ${entry.vtep ?? 'master'}`),
    ...state.nftTables.filter(here).flatMap(tableFacts),
    ...foreign.filter(here).map(({ family, name }) => `table ${family} ${name}`),
  ]
}

function tableFacts({ family, name, sets, chains }: NftTable): string[] {
  return [
    `table ${family} ${name}`,
    ...sets.map((set) => `set ${name} ${set.name} ${set.elements.join()}`),
    ...chains.map((chain) => `chain ${name} ${chain.name} ${chain.hook?.at ?? '-'} ${chain.rules.length}`),
  ]
}

function linkFacts(link: Link): string[] {
  const { name, kind, mac, mtu, up, master, alias, owned } = link
  const facts = [`link ${name} ${kind} ${mac} mtu ${mtu} ${up ? 'up' : 'down'} master ${master ?? '-'}`]
  if (alias !== undefined) facts.push(`alias ${name} ${alias}`)
  if (owned) facts.push(`group ${name} ${WEFT_LINK_GROUP}`)
  return facts
}

describe('the fake kernel beside the suite', () => {
  const bridge: Link = { kind: 'bridge', netns: FABRIC_NETNS, name: 'wfb1', owned: true }

  it('begins with the state that it is given', async () => {
    const kernel = createFakeKernel({ links: [bridge] })
    expect((await kernel.observe([])).state.links).toMatchObject([{ name: 'wfb1', owned: true }])
  })

  it('prints itself as iproute2 lines', async () => {
    const kernel = createFakeKernel()
    await kernel.apply([
      { op: 'link-add', link: { ...bridge, mac: '02:00:00:00:00:01', mtu: 1450 } },
      { op: 'nft-table-set', table: { netns: '', family: 'inet', name: 'weft_x', sets: [], chains: [] } },
    ])
    expect(kernel.toText().split('\n')).toEqual([
      'ip -n weft link add wfb1 address 02:00:00:00:00:01 mtu 1450 type bridge',
      'nft add table inet weft_x # replaced: 0 rules, 0 elements',
    ])
  })

  it('refuses a second VLAN sub-interface of one id, one under a parent that is down, and removes it with its parent', async () => {
    const kernel = createFakeKernel({ links: [{ kind: 'other', netns: '', name: 'eth0', up: false }] })
    const vlan = (name: string): Link => ({
      kind: 'vlan',
      netns: '',
      name,
      parent: { netns: '', name: 'eth0' },
      vlanId: 10,
      protocol: '802.1Q',
    })
    const failures = await kernel.apply([
      { op: 'link-add', link: vlan('eth0.10') },
      { op: 'link-add', link: vlan('eth0.11') },
      { op: 'link-set', netns: '', name: 'eth0.10', set: { up: true } },
    ])
    expect(failures.map(({ error }) => error.code)).toEqual(['conflict', 'unavailable'])
    kernel.removeByHand({ netns: '', name: 'eth0' })
    expect((await kernel.observe([])).state.links).toEqual([])
  })

  it('lets somebody tamper with it, and rings', async () => {
    const kernel = createFakeKernel({ links: [bridge] })
    const stop = new AbortController()
    const bell = kernel.changes(stop.signal)[Symbol.asyncIterator]()
    await bell.next()
    const rung = bell.next()
    kernel.tamper([{ op: 'link-set', netns: FABRIC_NETNS, name: 'wfb1', set: { up: false } }])
    expect(await rung).toEqual({ done: false, value: undefined })
    stop.abort()
  })
})
