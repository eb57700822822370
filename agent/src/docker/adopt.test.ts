import { describe, expect, it } from 'vitest'
import { endpointEntry, entriesOf, networkEntry, uidOf } from '../../../test/support/builders.ts'
import { adoptEndpoints } from './adopt.ts'
import { InspectedContainer } from './engine.ts'

const ENTRIES = entriesOf(
  networkEntry(),
  endpointEntry({ uid: uidOf('a'), addresses: ['10.1.0.5', 'fd01::5'], name: 'web' }),
  endpointEntry({ uid: uidOf('b'), addresses: ['10.1.0.6'], name: 'db' }),
  endpointEntry({ uid: uidOf('c'), addresses: ['10.1.0.7'] }),
  endpointEntry({ uid: uidOf('d'), addresses: ['10.1.0.8'], host: 'docker2' }),
)

function container(name: string, settings: object, SandboxKey = '') {
  return InspectedContainer.parse({
    Id: name.repeat(8),
    Name: `/${name}`,
    State: { Running: SandboxKey !== '' },
    NetworkSettings: { SandboxKey, Networks: { mynet: settings } },
  })
}

describe('after the state file was lost', () => {
  it('running containers are known by their address, stopped ones by their name, the rest is given back', () => {
    const running = container(
      'web',
      { EndpointID: 'ep1', IPAddress: '10.1.0.5', GlobalIPv6Address: 'fd01::5' },
      '/run/netns/x',
    )
    const { records, orphans } = adoptEndpoints(ENTRIES, 'docker1', [running, container('db', {})], 5)
    expect(records).toMatchObject([
      {
        uid: uidOf('a'),
        phase: 'in-flight',
        addresses: ['10.1.0.5/24', 'fd01::5/64'],
        dockerEndpointId: 'ep1',
        sandbox: '/run/netns/x',
        settled: true,
        name: 'web',
      },
      { uid: uidOf('b'), phase: 'detached', containerId: 'db'.repeat(8) },
    ])
    expect(orphans).toEqual([uidOf('c')])
  })

  it('an address of the same number in another network is nobody of ours', () => {
    const other = InspectedContainer.parse({
      Id: 'x',
      Name: '/x',
      State: { Running: true },
      NetworkSettings: { SandboxKey: '/x', Networks: { bridge: { EndpointID: 'ep', IPAddress: '10.1.0.7' } } },
    })
    expect(adoptEndpoints(ENTRIES, 'docker1', [other], 5).records).toEqual([])
  })
})
