import { describe, expect, it } from 'vitest'
import type { LocalRecord } from '../state/records.ts'
import { askersOf, type Question } from './askers.ts'
import { type ContainerOnDisk, parseContainer } from './containers-on-disk.ts'

const NETWORK = { uid: 'n'.repeat(20), name: 'front' }
const DOCKER_NETWORK = 'd'.repeat(64)
const id = (name: string) => name.padEnd(64, '0')

function container(name: string, changes: Partial<ContainerOnDisk> & { ip?: string; ip6?: string } = {}) {
  const { ip = '', ip6 = '', ...rest } = changes
  const networks = [{ key: 'front', dockerNetwork: '', ip, ip6 }]
  return { id: id(name), name, up: false, sandbox: '', networks, ...rest }
}

function record(name: string, changes: Partial<LocalRecord> = {}): LocalRecord {
  return {
    ...{ uid: 'u'.repeat(20), network: NETWORK.uid, mac: '02:00:00:00:00:01', addresses: ['10.0.0.9/24'] },
    ...{ phase: 'sandbox', held: false, since: 0, asked: false, wayOut: false, settled: true, aliases: [] },
    ...{ containerId: id(name) },
    ...changes,
  }
}

const question = (changes: Partial<Question> = {}): Question => ({
  network: NETWORK,
  family: 4,
  asked: undefined,
  dockerNetworks: { [DOCKER_NETWORK]: NETWORK.uid },
  records: [],
  isHanded: () => false,
  connecting: new Set(),
  ...changes,
})

const names = (mounted: ContainerOnDisk[], changes: Partial<Question> = {}) =>
  askersOf(mounted, question(changes)).map(({ name }) => name)

describe('askersOf', () => {
  it('finds who starts, by name or id of the network, and nobody of other networks', () => {
    const elsewhere = container('other', { networks: [{ key: 'back', dockerNetwork: '', ip: '', ip6: '' }] })
    expect(names([container('web'), elsewhere])).toEqual(['web'])
    for (const key of [DOCKER_NETWORK, 'whatever']) {
      const dockerNetwork = key === DOCKER_NETWORK ? '' : DOCKER_NETWORK
      expect(names([container('web', { networks: [{ key, dockerNetwork, ip: '', ip6: '' }] })])).toEqual(['web'])
    }
  })

  it('finds all who may be meant, those excepted who ask for another address', () => {
    const mounted = [container('web'), container('db'), container('fixed', { ip: '10.0.0.7' })]
    expect(names(mounted)).toEqual(['web', 'db'])
    expect(names(mounted, { asked: '10.0.0.7' })).toEqual(['fixed'])
    expect(names(mounted, { family: 6 })).toEqual(['web', 'db', 'fixed'])
    const six = container('six', { ip6: 'fd00:0::7' })
    expect(names([six, ...mounted], { family: 6, asked: 'fd00::7' })).toEqual(['six'])
  })

  it('leaves out who has been served: an endpoint, or this family’s address', () => {
    const mounted = [container('web'), container('db')]
    expect(names(mounted, { records: [record('db', { phase: 'new', settled: false })] })).toEqual(['web'])
    const claimed = record('db', { phase: 'claimed', settled: false })
    expect(names(mounted, { records: [claimed], isHanded: (address) => address === '10.0.0.9/24' })).toEqual(['web'])
    expect(names(mounted, { records: [claimed] })).toEqual(['web', 'db'])
    expect(names(mounted, { family: 6, records: [claimed], isHanded: () => true })).toEqual(['web', 'db'])
  })

  it('takes what is left of an earlier run for no endpoint', () => {
    expect(names([container('web')], { records: [record('web')] })).toEqual(['web'])
    expect(names([container('web')], { records: [record('web', { phase: 'detached' })] })).toEqual(['web'])
  })

  it('thinks of running containers only when nobody starts, and of the one that Weft connects first', () => {
    const running = container('runs', { up: true, networks: [] })
    const second = container('second', { up: true, networks: [] })
    const lonely = container('host', { up: true, networks: [{ key: 'host', dockerNetwork: '', ip: '', ip6: '' }] })
    expect(names([running, container('web')])).toEqual(['web'])
    expect(names([running, second, lonely])).toEqual(['runs', 'second'])
    expect(names([running, second], { connecting: new Set([id('second')]) })).toEqual(['second'])
    expect(names([running, second], { records: [record('runs')] })).toEqual(['second'])
  })
})

describe('parseContainer', () => {
  const file = (State: object, Networks: object | null = null) =>
    JSON.stringify({ ID: id('web'), Name: '/web', State, NetworkSettings: { SandboxKey: '/run/x', Networks }, More: 1 })

  it('reads what Docker writes', () => {
    const networks = { front: { IPAMConfig: { IPv4Address: '10.0.0.7' }, NetworkID: DOCKER_NETWORK }, back: {} }
    expect(parseContainer(file({ Running: true, Restarting: false }, networks))).toEqual({
      ...{ id: id('web'), name: 'web', up: true, sandbox: '/run/x' },
      networks: [
        { key: 'front', dockerNetwork: DOCKER_NETWORK, ip: '10.0.0.7', ip6: '' },
        { key: 'back', dockerNetwork: '', ip: '', ip6: '' },
      ],
    })
  })

  it('takes a container between two runs for one that starts', () => {
    expect(parseContainer(file({ Running: true, Restarting: true }))).toMatchObject({ up: false, networks: [] })
    expect(parseContainer(file({ Running: false }))).toMatchObject({ up: false })
  })

  it.each([undefined, '', '{', '{}', '[]'])('knows no container of %j', (json) => {
    expect(parseContainer(json)).toBeUndefined()
  })
})
