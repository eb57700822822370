import { describe, expect, it } from 'vitest'
import { judge } from './answer.ts'
import { makeZone } from './zone.ts'

const front = makeZone({
  uid: 'n'.repeat(20),
  name: 'front',
  endpoints: [
    { names: ['Web', 'www', 'shared'], addresses: ['10.0.0.1', 'fd00::1'] },
    { names: ['db', 'www'], addresses: ['10.0.0.2'] },
    { names: ['my.dotted'], addresses: ['10.0.0.3'] },
  ],
})
const back = makeZone({
  uid: 'p'.repeat(20),
  name: 'back',
  endpoints: [{ names: ['shared', 'only6'], addresses: ['10.9.0.1', 'fd09::1'] }],
})
const TYPES = { A: 1, AAAA: 28, PTR: 12, MX: 15, ANY: 255 } as const

function ask(name: string, type: keyof typeof TYPES = 'A', zones = [front], turn = 0, dnsClass = 1) {
  const head = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]))
  const tail = Buffer.from([0, 0, TYPES[type], 0, dnsClass])
  const question = Buffer.concat([head, ...labels, tail])
  const verdict = judge(question, false, { zones, turn: () => turn })
  if (verdict.kind !== 'answer') return verdict.kind
  const records: string[] = []
  for (let at = question.length; at < verdict.bytes.length; ) {
    const length = verdict.bytes.readUInt16BE(at + 10)
    records.push(verdict.bytes.toString('hex', at + 12, at + 12 + length))
    expect(verdict.bytes.readUInt32BE(at + 6)).toBeLessThanOrEqual(5)
    at += 12 + length
  }
  return { rcode: verdict.bytes.readUInt16BE(2) & 0xf, records }
}

describe('what a sandbox hears', () => {
  it.each([
    ['web', 'A', '0a000001'],
    ['WEB', 'A', '0a000001'],
    ['web.front', 'A', '0a000001'],
    ['web.FRONT', 'A', '0a000001'],
    ['web', 'AAAA', 'fd000000000000000000000000000001'],
    ['my.dotted', 'A', '0a000003'],
    ['my.dotted.front', 'A', '0a000003'],
    ['1.0.0.10.in-addr.arpa', 'PTR', Buffer.from('\x03Web\x05front\0').toString('hex')],
    [`1.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, 'PTR', Buffer.from('\x03Web\x05front\0').toString('hex')],
  ] as const)('%s %s', (name, type, record) => {
    expect(ask(name, type)).toEqual({ rcode: 0, records: [record] })
  })

  it.each([
    ['db', 'AAAA'],
    ['db', 'MX'],
    ['db', 'ANY'],
  ] as const)('%s %s is no data', (name, type) => {
    expect(ask(name, type)).toEqual({ rcode: 0, records: [] })
  })

  it('denies unknown names below an own network, and nothing else', () => {
    expect(ask('nobody.front')).toEqual({ rcode: 3, records: [] })
    for (const name of ['nobody', 'front', 'nobody.back', 'only6', 'example.com', 'webfront', 'a b', 'we\u00fcb'])
      expect(ask(name)).toBe('forward')
    expect(ask('99.0.0.10.in-addr.arpa', 'PTR')).toBe('forward')
    expect(ask('300.0.0.10.in-addr.arpa', 'PTR')).toBe('forward')
    expect(ask('web', 'A', [front], 0, 3)).toBe('forward')
  })

  it('takes turns', () => {
    const firsts = [0, 1, 2].map((turn) => ask('www', 'A', [front], turn))
    expect(firsts.map((each) => (typeof each === 'string' ? each : each.records))).toEqual([
      ['0a000001', '0a000002'],
      ['0a000002', '0a000001'],
      ['0a000001', '0a000002'],
    ])
  })

  it('answers from the first network that has the name, and names with a suffix from that network', () => {
    expect(ask('shared', 'A', [front, back])).toMatchObject({ records: ['0a000001'] })
    expect(ask('shared.back', 'A', [front, back])).toMatchObject({ records: ['0a090001'] })
    expect(ask('shared', 'A', [])).toBe('forward')
  })
})
