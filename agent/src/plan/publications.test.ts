import { nftTableScript, type PublicationSpec } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { aLocal, uid } from '../../../test/support/networks.ts'
import { claimsOf, publishedPorts } from './publications.ts'

const NET = uid('n1')
const web: PublicationSpec = {
  uid: uid('p1'),
  network: NET,
  container: 'c0',
  protocol: 'tcp',
  hostPort: 8080,
  port: 80,
}
const endpointsOf = (...list: ReturnType<typeof aLocal>[]) => new Map([[NET, list]])

function open(publications: readonly PublicationSpec[], ...endpoints: ReturnType<typeof aLocal>[]) {
  const { tables, problems } = publishedPorts({ publications, endpoints: endpointsOf(...endpoints), taken: [] })
  for (const table of tables) expect(nftTableScript(table)).toContain('weft_publish')
  const maps = tables.flatMap(({ sets }) =>
    sets.flatMap(({ name, elements }) => elements.map((each) => `${name} ${each}`)),
  )
  return { maps, problems: problems.map(({ message }) => message) }
}

describe('published ports', () => {
  it('lead to the container of that name, one element a family', () => {
    expect(open([web], aLocal(0, 'sandbox')).maps).toEqual([
      'open4 tcp . 8080 : 10.64.0.1 . 80',
      'open6 tcp . 8080 : fd00::1 . 80',
    ])
  })

  it('on one address of the host lead to the container’s address of that family', () => {
    const bound = { ...web, protocol: 'udp', hostIp: '192.0.2.1' } as const
    expect(open([bound], aLocal(0, 'sandbox')).maps).toEqual(['bound4 192.0.2.1 . udp . 8080 : 10.64.0.1 . 80'])
  })

  it('lead nowhere while the container does not run', () => {
    const gone = aLocal(0, 'in-flight', { attachment: { phase: 'in-flight', link: { netns: '', name: 'wfc' } } })
    for (const endpoint of [gone, aLocal(0, 'new'), aLocal(1, 'sandbox')])
      expect(open([web], endpoint).maps).toEqual([])
  })

  it('asked for by docker run -p come before a publication, which is a problem by name', () => {
    const busy = aLocal(1, 'sandbox', { ports: [{ protocol: 'tcp', hostPort: 8080, port: 8000 }] })
    const { maps, problems } = open([web], aLocal(0, 'sandbox'), busy)
    expect(maps).toEqual(['open4 tcp . 8080 : 10.64.0.2 . 8000', 'open6 tcp . 8080 : fd00::2 . 8000'])
    expect(problems).toEqual([
      expect.stringMatching(
        /^publication 8080->80\/tcp of container c0 is not open: port .* c1 \(docker run -p\) has 8080\/tcp/,
      ),
    ])
  })

  it('are not taken from a process of the host', () => {
    const endpoints = endpointsOf(aLocal(0, 'sandbox'))
    expect(claimsOf({ publications: [web], endpoints })).toEqual([{ protocol: 'tcp', port: 8080 }])
    const taken = [{ protocol: 'tcp', port: 8080, by: 'process sshd (pid 7)' }] as const
    const { tables, problems } = publishedPorts({ publications: [web], endpoints, taken })
    expect(tables).toEqual([])
    expect(problems[0]?.message).toContain('process sshd (pid 7) has 8080/tcp on this host')
  })
})
