import { describe, expect, it } from 'vitest'
import { NET, record, state, uidOf } from '../../../test/support/builders.ts'
import { compareWithDocker } from './compare.ts'
import type { DockerContainer } from './engine.ts'

const WEB = 'a'.repeat(64)
const LATE = 10 * 60_000
const DOCKER = { dockerNetworks: { dnet: NET } }

function container(networks: Record<string, { EndpointID?: string; NetworkID?: string }>, id = WEB): DockerContainer {
  const settings = { IPAddress: '', GlobalIPv6Address: '', Aliases: undefined, DNSNames: undefined }
  const full = Object.entries(networks).map(([name, { EndpointID = '', NetworkID = 'dnet' }]) => {
    return [name, { ...settings, EndpointID, NetworkID }] as const
  })
  return { Id: id, Names: ['/web'], State: 'running', NetworkSettings: { Networks: Object.fromEntries(full) } }
}

const compare = (records: Parameters<typeof state>[1], containers: DockerContainer[], now = LATE) => {
  const { release, detach, learn } = compareWithDocker(state(DOCKER, records), containers, now)
  return { release, detach, learn: [...learn] }
}
const QUIET = { release: [], detach: [], learn: [] }
const wired = { phase: 'sandbox', dockerEndpointId: 'ep1', containerId: WEB } as const
const stopped = { phase: 'detached', settled: false, containerId: WEB } as const

describe('records beside containers', () => {
  it('a running container with its endpoint: nothing', () => {
    expect(compare([record(wired)], [container({ mynet: { EndpointID: 'ep1' } })])).toEqual(QUIET)
  })

  it('an endpoint of unknown container: its container is learned', () => {
    const { containerId: _, ...nameless } = wired
    const seen = compare([record(nameless)], [container({ mynet: { EndpointID: 'ep1' } })])
    expect(seen.learn).toEqual([[uidOf('e'), WEB]])
  })

  it('stopped while the agent was away: the container keeps the address', () => {
    expect(compare([record(wired)], [container({ mynet: {} })])).toEqual({ ...QUIET, detach: [uidOf('e')] })
  })

  it('removed while the agent was away: released', () => {
    expect(compare([record(wired)], [])).toEqual({ ...QUIET, release: [uidOf('e')] })
  })

  it('an endpoint that is just being made is let be', () => {
    const making = record({ phase: 'in-flight', settled: false, dockerEndpointId: 'ep1', since: LATE - 1_000 })
    expect(compare([making], [])).toEqual(QUIET)
    expect(compare([making], [], LATE + 60_000)).toEqual({ ...QUIET, release: [uidOf('e')] })
    // Of a running container that is being connected: Docker does not list the network yet.
    const connecting = { ...making, containerId: WEB }
    expect(compare([connecting], [container({ bridge: { NetworkID: 'b' } })])).toEqual(QUIET)
  })

  it('a stopped container keeps its address while it is on the network, by id or by name', () => {
    expect(compare([record(stopped)], [container({ mynet: {} })])).toEqual(QUIET)
    expect(compare([record(stopped)], [container({ mynet: { NetworkID: 'gone' } })])).toEqual(QUIET)
    expect(compare([record(stopped)], [container({ other: {} })])).toEqual(QUIET)
  })

  it('disconnected or removed, it does not', () => {
    expect(compare([record(stopped)], [container({ bridge: { NetworkID: 'b' } })]).release).toEqual([uidOf('e')])
    expect(compare([record(stopped)], []).release).toEqual([uidOf('e')])
  })

  it('of two addresses of one container in one network the older goes', () => {
    const older = record({ ...stopped, uid: uidOf('f'), since: 1 })
    expect(compare([older, record({ ...stopped, since: 2 })], [container({ mynet: {} })]).release).toEqual([uidOf('f')])
    const running = container({ mynet: { EndpointID: 'ep1' } })
    expect(compare([older, record(wired)], [running]).release).toEqual([uidOf('f')])
  })

  it('an address that nothing came of is given back after a while, a held one goes back to its container', () => {
    const claimed = record({ phase: 'claimed', settled: false, since: LATE - 1_000 })
    expect(compare([claimed], [])).toEqual(QUIET)
    expect(compare([claimed], [], LATE + 60_000).release).toEqual([uidOf('e')])
    const held = { ...claimed, held: true, containerId: WEB }
    expect(compare([held], [container({ mynet: {} })], LATE + 60_000).detach).toEqual([uidOf('e')])
  })

  it('a container that ended before its name was known is waited for a moment only', () => {
    const nameless = record({ phase: 'detached', settled: false, since: LATE - 1_000 })
    expect(compare([nameless], [])).toEqual(QUIET)
    expect(compare([nameless], [], LATE + 5_000).release).toEqual([uidOf('e')])
  })
})
