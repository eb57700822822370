import type { TraceEnd, TraceTry } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import { judge, type Trial } from './judge.ts'
import type { Way } from './way.ts'

const end = (uid: string, host: string, ip: string) =>
  ({ uid, host, name: uid, addresses: [{ subnet: 's', ip }] }) as unknown as Way['from']
const way = (change: Partial<Way> = {}): Way => ({
  network: { name: 'mynet' } as Way['network'],
  from: end('web', 'docker1', '10.20.0.2'),
  to: end('db', 'docker2', '10.20.0.3'),
  address: '10.20.0.3',
  ...change,
})
const standing = (ip: string, more: Partial<TraceEnd> = {}): TraceEnd => ({
  link: { name: 'eth0', up: true, addresses: [ip] },
  echoes: { 4: 5, 6: 0 },
  ...more,
})
const ROUTE = { link: 'eth0' } as const

interface Seen {
  readonly tried?: Partial<TraceTry>
  readonly near?: TraceEnd
  readonly after?: Partial<TraceEnd>
  readonly port?: number
  readonly way?: Way
}

function trial({ tried = {}, near = standing('10.20.0.2'), after = {}, port, way: taken = way() }: Seen): Trial {
  const before = { told: standing('10.20.0.3') }
  const far = { before, after: { told: standing('10.20.0.3', after) } }
  return {
    way: taken,
    port,
    near: { told: near },
    far: taken.to === undefined ? undefined : far,
    tried: { told: { route: ROUTE, echo: true, ...tried } },
  }
}

function outcome(seen: Seen) {
  const { findings, reached, lost } = judge(trial(seen))
  const bad = findings.filter(({ severity }) => severity !== 'ok')
  return { reached, lost, bad: bad.map(({ check, severity, measured }) => `${severity} ${check}: ${measured}`) }
}

describe('what came of trying a way', () => {
  it('all is well', () => {
    expect(outcome({})).toEqual({ reached: true, lost: false, bad: [] })
    expect(outcome({ tried: { tcp: 'open' }, port: 80 })).toEqual({ reached: true, lost: false, bad: [] })
    const hosts = judge(trial({})).findings.map(({ hosts }) => hosts.join(' '))
    expect(hosts).toEqual(['docker1', 'docker2', 'docker1 docker2', 'docker1 docker2'])
  })

  it.each<[string, Seen, { reached?: boolean; lost?: boolean; bad: RegExp }]>([
    [
      'no interface',
      { near: standing('10.20.0.2', { link: undefined }) },
      { reached: true, bad: /web has no interface/ },
    ],
    [
      'an interface that is down',
      { after: { link: { name: 'eth0', up: false, addresses: [] } }, tried: { echo: false } },
      { bad: /eth0 of db is down/, lost: true },
    ],
    [
      'an address that somebody took off',
      { after: { link: { name: 'eth0', up: true, addresses: [] } } },
      { reached: true, bad: /eth0 of db lacks 10\.20\.0\.3/ },
    ],
    [
      'no route',
      { tried: { echo: false, route: undefined } },
      { bad: /^error route: web has no route to 10\.20\.0\.3$/ },
    ],
    [
      'a route by another interface',
      { tried: { route: { link: 'eth1', via: '10.9.0.1' } } },
      { reached: true, bad: /by eth1 and 10\.9\.0\.1, not by eth0 of network mynet/ },
    ],
    [
      'nothing comes to the other host',
      { tried: { echo: false } },
      { lost: true, bad: /no echo request to 10\.20\.0\.3 comes to db/ },
    ],
    [
      'nothing comes to a container of the same host, which is no matter of the wire',
      { tried: { echo: false }, way: way({ to: end('db', 'docker1', '10.20.0.3') }) },
      { bad: /no echo request/ },
    ],
    [
      'it comes and is not answered',
      { tried: { echo: false }, after: { echoes: { 4: 9, 6: 0 } } },
      { bad: /^error echo: echo requests come to db, and it does not answer$/ },
    ],
    [
      'only ICMP is dropped',
      { tried: { echo: false, tcp: 'open' }, port: 80 },
      { reached: true, bad: /^warn echo: 10\.20\.0\.3 answers no echo request/ },
    ],
    [
      'nobody listens',
      { tried: { tcp: 'refused' }, port: 80, after: { listens: [] } },
      { bad: /nobody in db listens on TCP port 80/ },
    ],
    [
      'it listens on loopback',
      { tried: { tcp: 'refused' }, port: 80, after: { listens: ['127.0.0.1', '::1'] } },
      { bad: /listens on TCP port 80 on 127\.0\.0\.1 and ::1 only/ },
    ],
    [
      'TCP alone is dropped',
      { tried: { tcp: 'silent' }, port: 80, after: { listens: ['0.0.0.0'] } },
      { bad: /port 80 is not answered, though somebody listens on 0\.0\.0\.0/ },
    ],
    [
      'an address beyond does not answer',
      { tried: { echo: false }, way: { network: way().network, from: way().from, address: '192.0.2.1' } },
      { bad: /192\.0\.2\.1 answers no echo request/ },
    ],
  ])('%s', (_, seen, { reached = false, lost = false, bad }) => {
    const found = outcome(seen)
    expect(found).toMatchObject({ reached, lost })
    expect(found.bad).toHaveLength(1 + (seen.after?.link?.up === false ? 1 : 0))
    expect(found.bad[0]).toMatch(bad)
    for (const { severity, why, remedy } of judge(trial(seen)).findings)
      if (severity !== 'ok') expect([why, remedy]).toEqual([expect.any(String), expect.any(String)])
  })

  it('counts the family that was asked', () => {
    const six = way({ from: end('web', 'docker1', 'fd00::2'), to: end('db', 'docker2', 'fd00::3'), address: 'fd00::3' })
    const seen = { tried: { echo: false }, way: six, after: { echoes: { 4: 9, 6: 0 } } }
    expect(judge(trial(seen)).lost).toBe(true)
  })

  it('what could not be asked is skipped, and nothing is concluded from it', () => {
    const { findings, reached, lost } = judge({ ...trial({}), tried: { why: 'docker1 does not answer' } })
    expect({ reached, lost }).toEqual({ reached: false, lost: false })
    expect(findings.at(-1)).toMatchObject({
      check: 'echo',
      severity: 'skipped',
      measured: expect.stringContaining('docker1'),
    })
    const unseen = judge({ ...trial({ tried: { echo: false } }), far: { before: { why: 'x' }, after: { why: 'x' } } })
    expect(unseen.lost).toBe(false)
    expect(unseen.findings.find(({ check }) => check === 'echo')?.measured).toMatch(/answers no echo request/)
  })
})
