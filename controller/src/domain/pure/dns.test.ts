import { describe, expect, it } from 'vitest'
import { lookUpName } from './dns.ts'
import type { EndpointRecord, NetworkRecord, Stored } from './records.ts'
import type { ClusterView } from './view.ts'

const stored = <T>(value: unknown): Stored<T> => ({ value: value as T, createRevision: 1, modRevision: 1 })
const network = (uid: string, name: string) => [uid, stored<NetworkRecord>({ uid, name })] as const
const endpoint = (uid: string, parts: Partial<EndpointRecord>) =>
  [
    uid,
    stored<EndpointRecord>({
      uid,
      network: 'n1',
      host: 'docker1',
      addresses: [{ subnet: 's', ip: `10.0.0.${uid}` }],
      state: 'attached',
      aliases: [],
      ...parts,
    }),
  ] as const
const view = {
  networks: new Map([network('n1', 'front'), network('n2', 'back')]),
  endpoints: new Map([
    endpoint('1', { name: 'Web', aliases: ['www'], containerId: '0123456789abcdef' }),
    endpoint('2', { name: 'web2', aliases: ['www'], host: 'docker2' }),
    endpoint('3', { name: 'web', network: 'n2' }),
    endpoint('4', { name: 'stopped', state: 'detached' }),
  ]),
} as unknown as ClusterView
const uids = (name: string, net?: string) => lookUpName(view, name, net).map((each) => each.endpoint)

describe('names of the cluster', () => {
  it.each([
    ['web', undefined, ['3', '1']],
    ['web', 'front', ['1']],
    ['WEB.back.', undefined, ['3']],
    ['www', undefined, ['1', '2']],
    ['0123456789ab', undefined, ['1']],
    ['10.0.0.2', undefined, ['2']],
  ])('%s in %s leads to %j', (name, net, expected) => {
    expect(uids(name, net)).toEqual(expected)
  })

  it('says host, container and addresses', () => {
    expect(lookUpName(view, 'web2')).toEqual([
      {
        name: 'web2.front',
        network: 'front',
        addresses: ['10.0.0.2'],
        host: 'docker2',
        container: 'web2',
        endpoint: '2',
      },
    ])
  })

  it('does not know a stopped container, and says what was probably meant', () => {
    expect(() => uids('stopped')).toThrow(/no running container/)
    expect(() => uids('wep2')).toThrow(/did you mean web2/)
    expect(() => uids('web', 'frunt')).toThrow(/no such network/)
  })
})
