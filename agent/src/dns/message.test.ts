import { parseAddress } from '@weft/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAnswer, formatRefusal, parseQuery, type Query, RCODE, TYPE } from './message.ts'

/** A query as a stub resolver writes it. */
function query(
  name: string,
  type: number,
  options: { edns?: { size: number; version?: number }; id?: number } = {},
): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(options.id ?? 0x1234, 0)
  head.writeUInt16BE(0x100, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(options.edns === undefined ? 0 : 1, 10)
  const labels = name === '' ? [] : name.split('.')
  const question = Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0, type >> 8, type & 0xff, 0, 1]),
  ])
  const { size = 0, version = 0 } = options.edns ?? {}
  const opt = Buffer.from([0, 0, TYPE.OPT, size >> 8, size & 0xff, 0, version, 0, 0, 0, 0])
  return Buffer.concat([head, question, ...(options.edns === undefined ? [] : [opt])])
}

function parsed(bytes: Buffer): Query {
  const found = parseQuery(bytes)
  if (found.kind !== 'query') throw new Error(`${found.kind} for ${bytes.toString('hex')}`)
  return found
}

const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,63}$/)
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))
const addresses = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ kind: 'address', address: parseAddress(`10.0.0.${index}`) }) as const)

describe('DNS messages', () => {
  it('reads back the question of any name', () => {
    fc.assert(
      fc.property(name, fc.nat(0xffff), (text, type) => {
        const { question, id, udpBytes } = parsed(query(text, type))
        expect([question.labels.join('.'), question.type, question.class, id, udpBytes]).toEqual([
          text,
          type,
          1,
          0x1234,
          512,
        ])
      }),
    )
  })

  it('never throws, and never reads beyond the end, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(['query', 'refused', 'dropped']).toContain(parseQuery(Buffer.from(bytes)).kind)
      }),
      { numRuns: 5_000 },
    )
  })

  it('never throws for a sound query with bytes altered, left out or put in', () => {
    const edit = fc.record({
      at: fc.nat(80),
      byte: fc.nat(255),
      cut: fc.nat(80),
      way: fc.constantFrom('set', 'cut', 'add'),
    })
    fc.assert(
      fc.property(name, fc.array(edit, { minLength: 1, maxLength: 5 }), (text, edits) => {
        let bytes = query(text, TYPE.A, { edns: { size: 1232 } })
        for (const { at, byte, cut, way } of edits) {
          const where = at % Math.max(bytes.length, 1)
          if (way === 'set') bytes[where] = byte
          else if (way === 'cut') bytes = bytes.subarray(0, cut)
          else bytes = Buffer.concat([bytes.subarray(0, where), Buffer.from([byte]), bytes.subarray(where)])
        }
        const found = parseQuery(bytes)
        if (found.kind === 'query') {
          const answer = formatAnswer(found, { rcode: RCODE.ok, records: addresses(3), ttlSeconds: 1 }, found.udpBytes)
          expect(answer.length).toBeLessThanOrEqual(Math.max(found.udpBytes, 12 + found.questionBytes.length + 11))
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it.each([
    ['a pointer to itself in the question', [0xc0, 0x0c, 0, 1, 0, 1]],
    ['a pointer to the header', [0xc0, 0x00, 0, 1, 0, 1]],
    ['a label of a reserved kind', [0x40, 0x61, 0, 0, 1, 0, 1]],
    ['a name without end', [1, 0x61]],
    ['a question without class', [1, 0x61, 0, 0, 1]],
  ])('refuses %s', (_, question) => {
    const bytes = Buffer.concat([query('', TYPE.A).subarray(0, 12), Buffer.from(question)])
    expect(parseQuery(bytes)).toEqual({ kind: 'refused', id: 0x1234, rcode: RCODE.format })
  })

  it('refuses names beyond 255 bytes, two questions, two OPT records, other opcodes; drops answers', () => {
    const long = query(Array.from({ length: 5 }, () => 'a'.repeat(60)).join('.'), TYPE.A)
    expect(parseQuery(long)).toMatchObject({ kind: 'refused', rcode: RCODE.format })
    const two = query('a', TYPE.A)
    two.writeUInt16BE(2, 4)
    expect(parseQuery(two)).toMatchObject({ kind: 'refused', rcode: RCODE.format })
    const once = query('a', TYPE.A, { edns: { size: 512 } })
    const twice = Buffer.concat([once, once.subarray(once.length - 11)])
    twice.writeUInt16BE(2, 10)
    expect(parseQuery(twice)).toMatchObject({ kind: 'refused', rcode: RCODE.format })
    const notify = query('a', TYPE.A)
    notify.writeUInt16BE(4 << 11, 2)
    expect(parseQuery(notify)).toMatchObject({ kind: 'refused', rcode: RCODE.notImplemented })
    const answer = query('a', TYPE.A)
    answer.writeUInt16BE(0x8000, 2)
    expect(parseQuery(answer)).toEqual({ kind: 'dropped' })
  })

  it('answers addresses byte for byte', () => {
    const asked = parsed(query('Db', TYPE.A))
    const bytes = formatAnswer(asked, { rcode: RCODE.ok, records: addresses(1), ttlSeconds: 1 }, 512)
    expect(bytes.toString('hex')).toBe(
      '12348580000100010000000002446200' + '00010001' + 'c00c00010001000000010004' + '0a000000',
    )
  })

  it('leaves out what does not fit, and says so; over TCP all of it fits', () => {
    const asked = parsed(query('many', TYPE.A))
    const answer = { rcode: RCODE.ok, records: addresses(100), ttlSeconds: 1 }
    const udp = formatAnswer(asked, answer, 512)
    expect(udp.length).toBeLessThanOrEqual(512)
    expect(udp.readUInt16BE(2) & 0x200).toBe(0x200)
    expect(udp.readUInt16BE(6)).toBe(30)
    const tcp = formatAnswer(asked, answer, 65_535)
    expect(tcp.readUInt16BE(2) & 0x200).toBe(0)
    expect(tcp.readUInt16BE(6)).toBe(100)
  })

  it('takes EDNS within bounds, and answers in kind', () => {
    expect(parsed(query('a', TYPE.A, { edns: { size: 1232 } })).udpBytes).toBe(1232)
    expect(parsed(query('a', TYPE.A, { edns: { size: 1 } })).udpBytes).toBe(512)
    expect(parsed(query('a', TYPE.A, { edns: { size: 65_535 } })).udpBytes).toBe(4096)
    const asked = parsed(query('a', TYPE.A, { edns: { size: 1232, version: 1 } }))
    expect(asked.edns).toEqual({ version: 1 })
    const bytes = formatAnswer(asked, { rcode: RCODE.badVersion, records: [], ttlSeconds: 1 }, 512)
    expect(bytes.readUInt16BE(10)).toBe(1)
    // BADVERS is 16: its lower bits in the header, its upper ones in the OPT record.
    expect([bytes.readUInt16BE(2) & 0xf, bytes[bytes.length - 6]]).toEqual([0, 1])
  })

  it('refuses with a header alone', () => {
    expect(formatRefusal(0xbeef, RCODE.format).toString('hex')).toBe('beef80810000000000000000')
  })
})
