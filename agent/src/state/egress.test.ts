import type { Egress } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { entriesOf, networkEntry, network as networkOf, record, uidOf } from '../../../test/support/builders.ts'
import { bridgeUses, egressOf, keptEgress, keptWays, settleEgress, withdrawnRoutes } from './egress.ts'
import type { LocalRecord } from './records.ts'

const BOX = '/run/docker/netns/1'
const at = (egress: Egress, more: object = {}) => networkOf({ egress, ...more })
const started = (joinedEgress: Egress | undefined, more: Partial<LocalRecord> = {}) =>
  record({ sandbox: BOX, addresses: ['10.1.0.5/24', 'fd01::5/64'], ...(joinedEgress && { joinedEgress }), ...more })
const entries = (egress: Egress, more: object = {}) => entriesOf(networkEntry({ egress, ...more }))
const among = (...records: LocalRecord[]) => new Map(records.map((each) => [each.uid, each]))
const MODES = ['docker', 'gateway', 'weft', 'none'] as const

describe('the way out of a running container', () => {
  it('follows its network everywhere but to Docker’s bridge', () => {
    for (const given of MODES) {
      for (const wanted of ['gateway', 'weft', 'none'] as const)
        expect(egressOf(started(given), at(wanted))).toBe(wanted)
    }
    expect(MODES.map((given) => egressOf(started(given), at('docker')))).toEqual(MODES)
    expect(egressOf(started('none', { egress: 'weft' }), at('docker'))).toBe('weft')
    expect(egressOf(started('docker', { egress: 'none' }), at('docker'))).toBe('docker')
    expect(egressOf(started(undefined), at('docker'))).toBe('docker')
    expect(egressOf(started('weft'), at('docker', { internal: true }))).toBe('none')
  })

  it('is told where it is kept', () => {
    expect(keptEgress(started('weft'), at('docker'))).toBe('weft')
    for (const mode of MODES) expect(keptEgress(started('docker'), at(mode))).toBeUndefined()
    const endpoints = among(started('weft', { name: 'web' }), started('none', { uid: uidOf('f'), phase: 'detached' }))
    expect(keptWays({ endpoints, entries: entries('docker') })).toEqual([
      { name: 'web', network: 'mynet', egress: 'weft' },
    ])
  })
})

describe('settling', () => {
  const settle = (given: LocalRecord, egress: Egress, bridged = false) =>
    settleEgress(among(given), entries(egress), new Set(bridged ? [BOX] : [])).get(given.uid)

  it('notes a change, its way back, and nothing where nothing changed', () => {
    expect(settle(started('docker'), 'docker')).toBeUndefined()
    expect(settle(started('docker'), 'weft')).toMatchObject({ joinedEgress: 'docker', egress: 'weft' })
    expect(settle(started('docker', { egress: 'weft' }), 'weft')).toBeUndefined()
    expect(settle(started('docker', { egress: 'weft' }), 'docker')).toMatchObject({ egress: 'docker' })
    expect(settle(started('weft'), 'docker')).toBeUndefined()
    expect(settle(started('none', { egress: 'weft' }), 'docker')).toBeUndefined()
    expect(settle(started('docker', { phase: 'detached' }), 'weft')).toBeUndefined()
  })

  it('recalls by the interface on Docker’s bridge what nobody remembers', () => {
    const moved = { joinedEgress: 'docker', egress: 'none', ownGateway: true }
    expect(settle(started(undefined), 'none', true)).toMatchObject(moved)
    const plain = settle(started(undefined), 'weft')
    expect(plain).toMatchObject({ joinedEgress: 'weft' })
    expect(plain).not.toHaveProperty('ownGateway')
    expect(settle(started(undefined, { phase: 'in-flight' }), 'none', true)).toBeUndefined()
  })
})

describe('routes that Docker made', () => {
  const byGateways = [
    { destination: '0.0.0.0/0', via: '10.1.0.1' },
    { destination: '::/0', via: 'fd01::1' },
  ]

  it('go when the network has no gateway any more, and only those', () => {
    expect(withdrawnRoutes(started('weft'), at('none'))).toEqual(byGateways)
    expect(withdrawnRoutes(started('gateway'), at('none'))).toEqual(byGateways)
    expect(withdrawnRoutes(started('weft'), at('weft'))).toEqual([])
    expect(withdrawnRoutes(started('weft'), at('docker'))).toEqual([])
    expect(withdrawnRoutes(started('none'), at('none'))).toEqual([])
    expect(withdrawnRoutes(started('weft', { ownGateway: true }), at('none'))).toEqual([])
    expect(withdrawnRoutes(started('weft', { gwPriority: -1 }), at('none'))).toEqual([])
  })

  it('by device, too', () => {
    const l3 = { driver: 'ipvlan', options: { parent: 'eth0', ipvlan_mode: 'l3' } }
    expect(withdrawnRoutes(started('gateway'), at('none', l3))).toEqual([
      { destination: '0.0.0.0/0' },
      { destination: '::/0' },
    ])
  })
})

describe('an interface on Docker’s bridge', () => {
  const uses = (egress: Egress, ...records: LocalRecord[]) =>
    bridgeUses(
      among(...records),
      entriesOf(networkEntry({ egress }), networkEntry({ uid: uidOf('o'), name: 'other', egress: 'docker' })),
    ).get(BOX)

  it('is Docker’s own affair until the network’s way out changes', () => {
    expect(uses('docker', started('docker'))).toBeUndefined()
    expect(uses('none', started('none'))).toBeUndefined()
  })

  it('leads out again, leads in only, or is shut', () => {
    const moved = (egress: Egress) => started('docker', { egress })
    expect(uses('weft', moved('weft'))).toEqual({ wanted: false, elsewhere: [4, 6], settled: true })
    expect(uses('none', moved('none'))).toEqual({ wanted: false, elsewhere: [], settled: true })
    expect(uses('docker', moved('docker'))).toEqual({ wanted: true, elsewhere: [], settled: true })
    expect(uses('docker', { ...moved('docker'), settled: false })).toMatchObject({ settled: false })
    const only4 = started('docker', { egress: 'weft', addresses: ['10.1.0.5/24'] })
    expect(uses('weft', only4)).toMatchObject({ elsewhere: [4] })
  })

  it('stays a way out while another network of the sandbox wants it', () => {
    const other = started('docker', { uid: uidOf('f'), network: uidOf('o') })
    expect(uses('none', started('docker', { egress: 'none' }), other)).toMatchObject({ wanted: true, elsewhere: [] })
    expect(uses('none', started('docker', { egress: 'none' }), { ...other, gwPriority: -1 })).toMatchObject({
      wanted: false,
    })
  })
})
