/** Weft's own gateway on a host: what the drivers that offer it desire. */
import { deriveMac, driverFor, type HostState, interfaceName, nftTableScript, parseOptions } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { diff } from '../../agent/src/plan/index.ts'
import { applyOps } from '../support/apply-ops.ts'
import { aHost, aLocal, aNetwork, bareKernel, uid } from '../support/networks.ts'

const SUBNETS = [
  { uid: uid('s1'), cidr: '10.64.0.0/16', gateway: '10.64.0.1', auxAddresses: {} },
  { uid: uid('s2'), cidr: 'fd00::/64', gateway: 'fd00::1', auxAddresses: {} },
]
const GATEWAY = interfaceName('gateway', uid('n1'))

function expand(name: string, options: Record<string, string>, address = '192.0.2.1', egress = 'weft' as const) {
  const driver = driverFor(name)
  const network = aNetwork({ driver: name, options, egress, subnets: SUBNETS })
  const host = aHost({ underlay: { interface: 'eth0', address, mtu: 1500 } })
  const input = { network, endpoints: [aLocal(0)], peers: [], peerVteps: [], host }
  return driver.desired({ ...input, options: parseOptions(driver, options) })
}
const elements = ({ nftTables }: HostState, name: string) =>
  nftTables.find((table) => table.name === 'weft_gateway')?.sets.find((set) => set.name === name)?.elements

describe.each([
  ['overlay', {}],
  ['overlay', { attach: 'macvlan' }],
  ['bridge', {}],
] as const)('gateway of %s %j', (name, options) => {
  it('has the same addresses and MAC on every host, in the host’s own netns', () => {
    for (const state of [expand(name, options), expand(name, options, '192.0.2.2')]) {
      const end = state.links.find((link) => link.name === GATEWAY)
      expect(end).toMatchObject({ netns: '', up: true, ipv6: true, mac: deriveMac(`gateway/${uid('n1')}`) })
      expect(state.addresses.map(({ link, address }) => `${link} ${address}`)).toEqual([
        `${GATEWAY} 10.64.0.1/16`,
        `${GATEWAY} fd00::1/64`,
      ])
      expect(state.hostForwarding).toEqual([4, 6])
    }
  })

  it('is reached from a bare host in one pass, and is at rest then', () => {
    const [state, bare] = [expand(name, options), bareKernel(aHost())]
    const first = diff(state, bare)
    expect(first.conflicts).toEqual([])
    expect(diff(state, applyOps(bare, first.ops))).toEqual({ ops: [], conflicts: [] })
  })

  it('masquerades its subnets, or with nat=false none', () => {
    expect(elements(expand(name, options), 'masqueraded4')).toEqual(['10.64.0.0/16'])
    expect(elements(expand(name, options), 'routed')).toEqual([])
    const routed = expand(name, { ...options, nat: 'false' })
    expect([elements(routed, 'masqueraded4'), elements(routed, 'masqueraded6')]).toEqual([[], []])
    expect(elements(routed, 'routed')).toEqual([`"${GATEWAY}"`])
    for (const table of routed.nftTables) expect(nftTableScript(table)).toContain(table.name)
  })
})

describe('gateway', () => {
  it('is of no network that leaves otherwise, or not at all', () => {
    const driver = driverFor('overlay')
    for (const changes of [{ egress: 'docker' }, { egress: 'weft', internal: true }, { egress: 'none' }] as const) {
      const network = aNetwork({ subnets: SUBNETS, ...changes })
      const state = driver.desired({ network, options: {}, endpoints: [], peers: [], peerVteps: [], host: aHost() })
      expect(state.links.map((link) => link.netns)).not.toContain('')
      expect([state.addresses, state.hostForwarding]).toEqual([[], []])
    }
  })

  it('is refused on a wire, where every host would answer for it', () => {
    const bridge = driverFor('bridge')
    expect(() => bridge.egress(parseOptions(bridge, { parent: 'eth1', egress: 'weft' }))).toThrow(/parent=eth1/)
  })
})
