import { describe, expect, it } from 'vitest'
import { echoesIn, linkIn, macIn, routeIn } from './readings.ts'

const SNMP = `Ip: Forwarding DefaultTTL InReceives
Ip: 2 64 11
Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps
Icmp: 12 0 0 1 0 0 0 0 7 4
IcmpMsg: InType0 InType8
IcmpMsg: 4 7
`

describe('what the kernel tells of a sandbox', () => {
  it('echo requests of both families', () => {
    expect(echoesIn(SNMP, 'Icmp6InMsgs  \t9\nIcmp6InEchos                    \t3\n')).toEqual({ 4: 7, 6: 3 })
    expect(echoesIn(SNMP, '')).toEqual({ 4: 7, 6: 0 })
  })

  it('an interface with its addresses, but for those of the link alone', () => {
    const listing = JSON.stringify([
      { ifname: 'lo', flags: ['LOOPBACK', 'UP'], addr_info: [{ local: '127.0.0.1', scope: 'host' }] },
      {
        ifname: 'eth0',
        flags: ['BROADCAST', 'UP', 'LOWER_UP'],
        addr_info: [
          { local: '10.20.0.2', scope: 'global' },
          { local: 'fe80::1', scope: 'link' },
        ],
      },
      { ifname: 'eth1', flags: ['BROADCAST'], addr_info: [] },
    ])
    expect(linkIn(listing, 'eth0')).toEqual({ name: 'eth0', up: true, addresses: ['10.20.0.2'] })
    expect(linkIn(listing, 'eth1')).toEqual({ name: 'eth1', up: false, addresses: [] })
    expect(linkIn(listing, 'eth2')).toBeUndefined()
  })

  it('a route, with its next hop whatever family that is of', () => {
    expect(routeIn('[{"dst":"10.20.0.3","dev":"eth0","prefsrc":"10.20.0.2"}]')).toEqual({ link: 'eth0' })
    expect(routeIn('[{"dst":"8.8.8.8","gateway":"172.18.0.1","dev":"eth1"}]')).toEqual({
      link: 'eth1',
      via: '172.18.0.1',
    })
    expect(routeIn('[{"dst":"8.8.8.8","via":{"family":"inet6","host":"fe80::1"},"dev":"eth1"}]')).toEqual({
      link: 'eth1',
      via: 'fe80::1',
    })
    expect(routeIn('[]')).toBeUndefined()
  })

  it('the MAC of a neighbour that has answered', () => {
    expect(macIn('[{"dst":"10.20.0.3","lladdr":"02:00:00:00:00:03","state":["REACHABLE"]}]')).toBe('02:00:00:00:00:03')
    expect(macIn('[{"dst":"10.20.0.3","state":["FAILED"]}]')).toBeUndefined()
    expect(macIn('[]')).toBeUndefined()
  })
})
