import { type Entry, nftTableScript, type PublicationSpec, toEntryMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { endpoint, network } from '../../../test/support/builders.ts'
import { aHost, aLocal, uid } from '../../../test/support/networks.ts'
import { claimsOf, publishedPorts, type TakenPort } from './publications.ts'

const NET = uid('n1')
const web: PublicationSpec = {
  uid: uid('p1'),
  network: NET,
  container: 'c0',
  protocol: 'tcp',
  hostPort: 8080,
  port: 80,
}
const relayed: PublicationSpec = { ...web, relayed: true }
const shim = endpoint({ uid: uid('s1'), network: NET, role: 'shim', addresses: ['10.64.0.9', 'fd00::9'] })
const far = endpoint({ uid: uid('r1'), network: NET, host: 'docker2', name: 'c0', addresses: ['10.64.0.77'] })

interface Given {
  readonly egress?: 'weft' | 'docker'
  readonly locals?: readonly ReturnType<typeof aLocal>[]
  readonly others?: readonly ReturnType<typeof endpoint>[]
  readonly taken?: readonly TakenPort[]
}

function open(publication: PublicationSpec, { egress = 'weft', locals = [], others = [], taken = [] }: Given = {}) {
  const entries = toEntryMap([
    { kind: 'network', ...network({ uid: NET, egress }) },
    { kind: 'publication', ...publication },
    ...others.map((each): Entry => ({ kind: 'endpoint', ...each })),
  ])
  const input = { entries, endpoints: new Map([[NET, locals]]), hostId: 'docker1' }
  const { state, problems } = publishedPorts({ ...input, taken, underlay: aHost().underlay })
  for (const table of state.nftTables) expect(nftTableScript(table)).toContain(table.name)
  const publish = state.nftTables.filter(({ name }) => name === 'weft_publish')
  const maps = publish.flatMap(({ sets }) =>
    sets.flatMap(({ name, elements }) => elements.map((text) => `${name} ${text}`)),
  )
  return {
    maps,
    problems: problems.map(({ message }) => message),
    routes: state.hostForwarding,
    claims: claimsOf(input),
  }
}

describe('published ports', () => {
  it('lead to the container of that name behind the host’s gateway, one element a family', () => {
    expect(open(web, { locals: [aLocal(0, 'sandbox')] })).toMatchObject({
      maps: ['open4 tcp . 8080 : 10.64.0.1 . 80', 'open6 tcp . 8080 : fd00::1 . 80'],
      problems: [],
      routes: [],
      claims: [{ protocol: 'tcp', port: 8080 }],
    })
  })

  it('on one address of the host lead to the container’s address of that family', () => {
    const bound = { ...web, protocol: 'udp', hostIp: '192.0.2.1' } as const
    const { maps } = open(bound, { locals: [aLocal(0, 'sandbox')] })
    expect(maps).toEqual(['bound4 192.0.2.1 . udp . 8080 : 10.64.0.1 . 80'])
  })

  it('lead nowhere while the container does not run', () => {
    const leaving = aLocal(0, 'in-flight', { attachment: { phase: 'in-flight', link: { netns: '', name: 'wfc' } } })
    for (const local of [leaving, aLocal(0, 'new'), aLocal(1, 'sandbox')]) {
      expect(open(web, { locals: [local] })).toMatchObject({ maps: [], problems: [] })
    }
    const stopped = { ...far, stopped: true } as const
    expect(open(relayed, { others: [shim, stopped] })).toMatchObject({ maps: [], problems: [] })
  })

  it('lead by the host’s shim to a container elsewhere, and to one that has another way out', () => {
    const route = { routes: [4, 6], problems: [] }
    expect(open(relayed, { others: [shim, far] })).toMatchObject({
      maps: ['open4 tcp . 8080 : 10.64.0.77 . 80'],
      ...route,
    })
    const here = { egress: 'docker', locals: [aLocal(0, 'sandbox')], others: [shim] } as const
    expect(open(relayed, here).maps).toContain('open4 tcp . 8080 : 10.64.0.1 . 80')
  })

  it('wait for the shim, and say so', () => {
    const { maps, problems } = open(relayed, { others: [far] })
    expect(maps).toEqual([])
    expect(problems).toEqual([expect.stringContaining('this host has no address in network mynet yet')])
  })

  it('asked for by docker run -p come before a publication, which is a problem by name', () => {
    const busy = aLocal(1, 'sandbox', { ports: [{ protocol: 'tcp', hostPort: 8080, port: 8000 }] })
    const { maps, problems } = open(web, { locals: [aLocal(0, 'sandbox'), busy] })
    expect(maps).toEqual(['open4 tcp . 8080 : 10.64.0.2 . 8000', 'open6 tcp . 8080 : fd00::2 . 8000'])
    expect(problems).toEqual([
      expect.stringMatching(/^publication 8080->80\/tcp of container c0 is not open: port .* c1 \(docker run -p\)/),
    ])
  })

  it('are not taken from a process of the host', () => {
    const taken = [{ protocol: 'tcp', port: 8080, by: 'process sshd (pid 7)' }] as const
    const { maps, problems } = open(web, { locals: [aLocal(0, 'sandbox')], taken })
    expect(maps).toEqual([])
    expect(problems[0]).toContain('process sshd (pid 7) has 8080/tcp on this host')
  })
})
