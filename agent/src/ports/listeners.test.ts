import { describe, expect, it } from 'vitest'
import { parseTable, stands } from './listeners.ts'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const row = (local: string, state: string, inode: string) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000 100 0 0 10 0\n`

describe('listeners', () => {
  it('are sockets that wait for strangers', () => {
    const text = HEAD + row('0BFAFA0A:1F90', '0A', '77') + row('0BFAFA0A:1F91', '01', '78')
    expect(parseTable(text, 'tcp')).toEqual([{ protocol: 'tcp', port: 8080, address: '0afafa0b', inode: '77' }])
    expect(parseTable(HEAD + row('00000000:0035', '07', '79'), 'udp')).toHaveLength(1)
  })

  it('stand in the way of a claim to the same port on an address that they have', () => {
    const [bound] = parseTable(HEAD + row('0BFAFA0A:1F90', '0A', '77'), 'tcp')
    const [any6] = parseTable(HEAD + row(`${'0'.repeat(32)}:1F90`, '0A', '80'), 'tcp')
    const claim = { protocol: 'tcp', port: 8080 } as const
    if (bound === undefined || any6 === undefined) throw new Error('not parsed')
    expect([stands(bound, claim), stands(any6, claim)]).toEqual([true, true])
    expect(stands(bound, { ...claim, ip: '10.250.250.11' })).toBe(true)
    expect(stands(bound, { ...claim, ip: '10.250.250.12' })).toBe(false)
    expect(stands(any6, { ...claim, ip: '10.250.250.12' })).toBe(true)
    expect(stands(bound, { ...claim, protocol: 'udp' })).toBe(false)
    expect(stands(bound, { ...claim, port: 8081 })).toBe(false)
  })
})
