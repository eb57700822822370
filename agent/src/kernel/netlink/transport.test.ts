import { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import type { Channel } from './channel.ts'
import { attributes, decodeMessages, FLAG, type Request, TYPE, toBuffer } from './message.ts'
import { BATCH_MESSAGES, NetlinkSocket } from './transport.ts'

const DUMP: Request = { type: 18, flags: 0, payload: Buffer.alloc(16) }
const NEWLINK = 16
const EEXIST = 17
const EINTR = 4

/** A kernel of canned answers: each gets the sequence number of the last request unless it names one. */
function scripted(...datagrams: ((seq: number) => Buffer)[]): Channel & { sent: Buffer[] } {
  const sent: Buffer[] = []
  let seq = 0
  return {
    sent,
    send: (bytes) => {
      sent.push(bytes)
      seq = decodeMessages(bytes).at(-1)?.seq ?? 0
    },
    receive: () => {
      const next = datagrams.shift()
      if (next === undefined) throw new WeftError('deadline', { what: 'kernel did not answer', ambiguous: true })
      return next(seq)
    },
    close: () => {},
  }
}

function message(type: number, seq: number, data: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + data.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags, 6)
  header.writeUInt32LE(seq, 8)
  return Buffer.concat([header, data, Buffer.alloc(-data.length & 3)])
}
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}
const row =
  (text: string, flags = 0) =>
  (seq: number) =>
    message(NEWLINK, seq, Buffer.from(text), flags)
const done = (seq: number) => message(TYPE.done, seq, int32(0))
const ack = (seq: number) => message(TYPE.error, seq, Buffer.concat([int32(0), Buffer.alloc(16)]))
const refusal = (errno: number, words?: string) => (seq: number) => {
  const tlvs = words === undefined ? Buffer.alloc(0) : attributes([[1, Buffer.from(`${words}\0`)]])
  const data = Buffer.concat([int32(-errno), Buffer.alloc(16), tlvs])
  return message(TYPE.error, seq, data, words === undefined ? 0 : FLAG.ackTlvs)
}
const text = ({ data }: { data: Buffer }) => data.toString('latin1')

describe('NetlinkSocket', () => {
  it('K3: throws away a dump that was interrupted and takes it again', () => {
    const socket = new NetlinkSocket(scripted(row('half', FLAG.dumpInterrupted), done, row('whole'), done))
    expect(socket.dump(DUMP, text)).toEqual(['whole'])
  })

  it('K3: takes a dump again that ends in EINTR', () => {
    const end = (seq: number) => message(TYPE.done, seq, int32(-EINTR))
    expect(new NetlinkSocket(scripted(row('half'), end, row('whole'), done)).dump(DUMP, text)).toEqual(['whole'])
  })

  it('K3: gives up on a table that never holds still', () => {
    const churn = Array.from({ length: 10 }, () => [row('half', FLAG.dumpInterrupted), done]).flat()
    expect(() => new NetlinkSocket(scripted(...churn)).dump(DUMP, text)).toThrow(/would not hold still/)
  })

  it('K3: drops answers that belong to another request', () => {
    const stale = (seq: number) => message(NEWLINK, seq - 1, Buffer.from('old'))
    const staleEnd = (seq: number) => message(TYPE.done, seq - 1, int32(0))
    expect(new NetlinkSocket(scripted(stale, staleEnd, row('new'), done)).dump(DUMP, text)).toEqual(['new'])
  })

  it('defect 2: an exception in a parser reaches the caller, after the dump was read to its end', () => {
    const socket = new NetlinkSocket(scripted(row('a'), row('b'), done, row('c'), done))
    const seen: string[] = []
    const parse = (one: { data: Buffer }) => {
      seen.push(text(one))
      throw new Error('bad row')
    }
    expect(() => socket.dump(DUMP, parse)).toThrow('bad row')
    expect(seen).toEqual(['a'])
    expect(socket.dump(DUMP, text)).toEqual(['c'])
  })

  it('defect 5: refuses an exchange in the middle of another, instead of mixing their answers', () => {
    const socket = new NetlinkSocket(scripted(row('a'), done))
    expect(() => socket.dump(DUMP, () => socket.dump(DUMP, text))).toThrow(/in the middle of another exchange/)
  })

  it('defect 6: a lost answer is an error that says the change may have happened', () => {
    const socket = new NetlinkSocket(scripted())
    const lost = () => socket.change(DUMP)
    expect(lost).toThrow(expect.objectContaining({ code: 'deadline', ambiguous: true }))
  })

  it('defect 7: a refusal has its error number and the words of the kernel', () => {
    const socket = new NetlinkSocket(scripted(refusal(EEXIST, 'Device exists')))
    expect(socket.change(DUMP)).toEqual({ errno: EEXIST, message: 'Device exists', index: 0 })
    expect(new NetlinkSocket(scripted(refusal(EEXIST))).change(DUMP)).toEqual({ errno: EEXIST, index: 0 })
  })

  it('tells the refusals of a batch apart, and asks for one acknowledgement only', () => {
    const second = (seq: number) => refusal(EEXIST)(seq - 1)
    const channel = scripted(second, ack)
    expect(new NetlinkSocket(channel).batch([DUMP, DUMP, DUMP])).toEqual([{ errno: EEXIST, index: 1 }])
    const flags = decodeMessages(channel.sent[0] ?? Buffer.alloc(0)).map((one) => one.flags & FLAG.ack)
    expect(flags).toEqual([0, 0, FLAG.ack])
  })

  it('takes several answers in one datagram', () => {
    const both = (seq: number) => Buffer.concat([row('a')(seq), row('b')(seq), done(seq)])
    expect(new NetlinkSocket(scripted(both)).dump(DUMP, text)).toEqual(['a', 'b'])
  })

  it('refuses a batch that could overrun its own answers', () => {
    const batch = Array.from({ length: BATCH_MESSAGES + 1 }, () => DUMP)
    expect(() => new NetlinkSocket(scripted()).batch(batch)).toThrow(/batch too large/)
  })
})

describe('messages', () => {
  it('defect 10: raw attributes need no name and keep their bytes', () => {
    expect(attributes([[54, Buffer.from([1, 2, 3])]]).toString('hex')).toBe('07003600010203')
    const two = attributes([
      [1, Buffer.from([9])],
      [2, Buffer.from([7])],
    ])
    expect(two.toString('hex')).toBe('05000100090000000500020007')
  })

  it('defect 11: a datagram with a message of unknown type is read like any other', () => {
    const datagram = Buffer.concat([message(84, 7, Buffer.from('mdb!')), message(88, 7, Buffer.from('nsid'))])
    expect(decodeMessages(datagram).map(({ type, data }) => [type, data.toString()])).toEqual([
      [84, 'mdb!'],
      [88, 'nsid'],
    ])
  })

  it('defect 8: streams of the package become Buffers', () => {
    expect(toBuffer((out) => out.push(1, Buffer.from([5])))).toEqual(Buffer.from([5, 0, 1, 0, 5]))
  })
})
