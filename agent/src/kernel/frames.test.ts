import { describe, expect, it } from 'vitest'
import { advertisement, arpAnnouncement } from './announce.ts'
import { checksum, echoRequest, isReply } from './echo.ts'

const MAC = Buffer.from('020000000001', 'hex')

describe('frames', () => {
  it('echo requests have the bytes and the checksum of RFC 792', () => {
    const request = echoRequest(4, 0x1234, 7)
    expect(request.subarray(0, 8).toString('hex')).toBe('0800e5c412340007')
    expect(checksum(request)).toBe(0)
    expect(echoRequest(6, 0x1234, 7).subarray(0, 8).toString('hex')).toBe('8000000012340007')
  })

  it('only replies to our own requests count', () => {
    const header = Buffer.from('4500002400000000400100000a0000010a000002', 'hex')
    const reply = (kind: number, id: number) => {
      const message = echoRequest(4, id, 1)
      message[0] = kind
      return Buffer.concat([header, message])
    }
    expect(isReply(4, reply(0, 0x1234), 0x1234)).toBe(true)
    expect(isReply(4, reply(0, 0x1235), 0x1234)).toBe(false)
    expect(isReply(4, reply(8, 0x1234), 0x1234)).toBe(false)
    expect(isReply(4, Buffer.alloc(3), 0x1234)).toBe(false)
  })

  it('an ARP announcement asks everybody for its own address (RFC 5227)', () => {
    expect(arpAnnouncement(MAC, Buffer.from([10, 0, 0, 7])).toString('hex')).toBe(
      ['ffffffffffff', '020000000001', '0806', '0001', '0800', '06', '04', '0001'].join('') +
        ['020000000001', '0a000007', '000000000000', '0a000007'].join(''),
    )
  })

  it('a neighbour advertisement overrides, to all nodes, with a checksum that adds up (RFC 4861, 4443)', () => {
    const ip = Buffer.from('fd000000000000000000000000000007', 'hex')
    const frame = advertisement(MAC, ip)
    expect(frame.subarray(0, 14).toString('hex')).toBe('33330000000102000000000186dd')
    const [header, body] = [frame.subarray(14, 54), frame.subarray(54)]
    expect(header[7]).toBe(255)
    expect(header.readUInt16BE(4)).toBe(body.length)
    expect(body.subarray(4, 8).toString('hex')).toBe('20000000')
    expect(body.subarray(-8).toString('hex')).toBe('0201020000000001')
    const lengths = Buffer.from([0, 0, 0, body.length, 0, 0, 0, 58])
    expect(checksum(Buffer.concat([header.subarray(8), lengths, body]))).toBe(0)
  })
})
