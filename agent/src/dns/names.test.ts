import { parseWith } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { endpointEntry, entriesOf, NET, networkEntry, record, state, uidOf } from '../../../test/support/builders.ts'
import { NamesFile, namesOf } from './names.ts'

const OTHER = uidOf('p')
const SANDBOX = '/run/docker/netns/1'
const own = record({ sandbox: SANDBOX, name: 'web', aliases: ['www', 'webhost'], containerId: '0123456789abcdef' })
const remote = (parts: Parameters<typeof endpointEntry>[0] = {}) =>
  endpointEntry({
    uid: uidOf('r'),
    host: 'docker2',
    name: 'db',
    aliases: ['store'],
    addresses: ['10.1.0.6', 'fd01::6'],
    ...parts,
  })
const named = (...args: Parameters<typeof state>) => namesOf(state(...args), 'docker1')
const namesIn = (...args: Parameters<typeof state>) =>
  named(...args).networks.flatMap(({ endpoints }) => endpoints.map(({ names }) => names[0]))

describe('names file', () => {
  it('has own endpoints from the records, others from the intent, and what its schema takes', () => {
    const entries = entriesOf(networkEntry(), remote(), endpointEntry({ name: 'from-the-intent' }))
    const names = named({ entries }, [own])
    expect(names).toEqual({
      v: 1,
      networks: [
        {
          uid: NET,
          name: 'mynet',
          endpoints: [
            { names: ['web', 'www', 'webhost', '0123456789ab'], addresses: ['10.1.0.5'] },
            { names: ['db', 'store'], addresses: ['10.1.0.6', 'fd01::6'] },
          ],
        },
      ],
      sandboxes: [{ path: SANDBOX, networks: [NET], internal: false }],
    })
    expect(parseWith(NamesFile, names, 'names')).toEqual(names)
  })

  it.each([
    ['detached', record({ phase: 'detached', name: 'web' })],
    ['on its way out', record({ phase: 'in-flight', name: 'web' })],
    ['not joined yet', record({ phase: 'new', name: 'web' })],
  ])('has no name and no sandbox of an endpoint that is %s', (_, gone) => {
    expect(named({ entries: entriesOf(networkEntry(), remote()) }, [gone])).toEqual({
      v: 1,
      networks: [],
      sandboxes: [],
    })
  })

  it('has a container from the moment of Join on, and none that is stopped elsewhere', () => {
    const joined = record({ phase: 'in-flight', sandbox: SANDBOX, name: 'web' })
    expect(namesIn({ entries: entriesOf(networkEntry(), remote({ stopped: true })) }, [joined])).toEqual(['web'])
  })

  it('leaves out networks that no sandbox here is in', () => {
    const entries = entriesOf(networkEntry(), networkEntry({ uid: OTHER, name: 'other' }), remote({ network: OTHER }))
    expect(namesIn({ entries }, [own])).toEqual(['web'])
  })

  it('calls a sandbox internal only when all its networks are', () => {
    const closed = networkEntry({ uid: OTHER, name: 'closed', internal: true })
    const inside = record({ uid: uidOf('f'), network: OTHER, sandbox: SANDBOX })
    const both = named({ entries: entriesOf(networkEntry(), closed) }, [own, inside])
    expect(both.sandboxes).toEqual([{ path: SANDBOX, networks: [OTHER, NET], internal: false }])
    expect(named({ entries: entriesOf(networkEntry(), closed) }, [inside]).sandboxes).toMatchObject([
      { internal: true },
    ])
  })

  it('leaves out names that DNS cannot say', () => {
    const odd = record({ sandbox: SANDBOX, name: `${'a'.repeat(64)}`, aliases: ['a..b', 'fine'] })
    expect(namesIn({}, [odd])).toEqual(['fine'])
  })
})
