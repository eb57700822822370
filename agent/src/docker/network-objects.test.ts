import { describe, expect, it } from 'vitest'
import { NET, network, uidOf } from '../../../test/support/builders.ts'
import type { DockerNetwork } from './engine.ts'
import { networkCreateBody, planNetworks } from './network-objects.ts'

function found(parts: Partial<DockerNetwork> = {}): DockerNetwork {
  const common = { Id: 'd1', Name: 'mynet', Driver: 'weft', Options: undefined, IPAM: undefined }
  return { ...common, Labels: { 'weft.network': NET }, ...parts }
}

describe('Docker networks', () => {
  it('missing ones are made', () => {
    expect(planNetworks([network()], [])).toMatchObject({ create: [{ uid: NET }], remove: [], problems: [] })
  })

  it('right ones stay, and their ids are known', () => {
    expect(planNetworks([network()], [found()])).toEqual({ create: [], remove: [], problems: [], known: { d1: NET } })
  })

  it('ours that the intent lacks are removed, and duplicates', () => {
    expect(planNetworks([], [found()]).remove).toEqual([{ id: 'd1', name: 'mynet' }])
    expect(planNetworks([network()], [found(), found({ Id: 'd2' })]).remove).toEqual([{ id: 'd2', name: 'mynet' }])
  })

  it('one made anew under its old name replaces the old one', () => {
    const plan = planNetworks([network({ uid: uidOf('m') })], [found()])
    expect(plan).toMatchObject({ create: [{ uid: uidOf('m') }], remove: [{ id: 'd1' }], problems: [] })
  })

  it.each([
    ['another driver', found({ Driver: 'bridge' })],
    ['no label of ours', found({ Labels: undefined })],
  ])('what is not ours is never removed: %s', (_, other) => {
    const plan = planNetworks([network()], [other])
    expect(plan).toMatchObject({ create: [], remove: [], problems: [{ code: 'conflict', network: NET }] })
    expect(plan.problems[0]?.remedy).toContain('docker network rm d1')
    expect(planNetworks([], [other])).toMatchObject({ remove: [], problems: [] })
  })

  it('carry our id where Docker hands it on', () => {
    expect(networkCreateBody(network({ internal: true, labels: { team: 'a' } }))).toEqual({
      Name: 'mynet',
      CheckDuplicate: true,
      Driver: 'weft',
      Internal: true,
      EnableIPv4: true,
      EnableIPv6: true,
      Options: { net: NET },
      Labels: { team: 'a', 'weft.network': NET },
      IPAM: {
        Driver: 'weft',
        Options: { net: NET },
        Config: [
          { Subnet: '10.1.0.0/24', Gateway: '10.1.0.1', AuxiliaryAddresses: { router: '10.1.0.9' } },
          { Subnet: 'fd01::/64', Gateway: 'fd01::1' },
        ],
      },
    })
  })
})
