import { guardName, toEntryMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { aHost, aLocal, aNetwork, uid } from '../../../test/support/networks.ts'
import { desiredState } from './desired.ts'
import { guardAhead } from './guard-ahead.ts'

const wire = { driver: 'macvlan', options: { parent: 'eth1' }, vni: undefined } as const

function plan(network: Partial<Parameters<typeof aNetwork>[0]>, endpoint = aLocal(1, 'in-flight'), before = 0) {
  const entries = toEntryMap([{ kind: 'network', ...aNetwork(network) }])
  const input = { entries, hostId: 'h1', host: aHost() }
  return { input, op: guardAhead({ ...input, network: uid('n1'), endpoint, prefix: 'eth', before }) }
}

describe('a guard that awaits its interface', () => {
  it('is what will be wanted once it has arrived under the expected name', () => {
    const { input, op } = plan(wire, aLocal(1, 'in-flight'), 1)
    const sandbox = '/var/run/docker/netns/c1'
    const there = { phase: 'sandbox', link: { netns: sandbox, name: 'eth1' } } as const
    const arrived = { ...aLocal(1), attachment: there }
    const wanted = desiredState({ ...input, endpoints: new Map([[uid('n1'), [arrived]]]) }).state.nftTables
    expect(op).toMatchObject({ op: 'nft-table-set', table: wanted.find(({ name }) => name === guardName(arrived.uid)) })
    const link = aLocal(1, 'in-flight').attachment.link
    expect(op).toMatchObject({ coming: { link, names: expect.arrayContaining([link.name, 'eth0', 'eth1', 'eth9']) } })
  })

  it('is let be until the interface is seen', () => {
    const { input } = plan(wire)
    const endpoints = new Map([[uid('n1'), [aLocal(1, 'in-flight')]]])
    const { nftTables } = desiredState({ ...input, endpoints }).state
    const guard = nftTables.find(({ name }) => name === guardName(aLocal(1).uid))
    expect(guard).toMatchObject({ chains: [], presence: 'tolerated' })
  })

  it.each([
    ['is guarded at its port', {}, aLocal(1, 'in-flight')],
    ['is not to be guarded', { ...wire, options: { parent: 'eth1', spoof_check: 'off' } }, aLocal(1, 'in-flight')],
    ['has no sandbox yet', wire, aLocal(1, 'new')],
    ['has arrived', wire, aLocal(1, 'sandbox')],
  ])('is none where the interface %s', (_what, network, endpoint) => {
    expect(plan(network, endpoint).op).toBeUndefined()
  })
})
