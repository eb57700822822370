/** The VXLAN filter of the real kernel: which packets pass, and what is seen of somebody's change to it. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type Op, vxlanFilterTable } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLinuxWorld, type LinuxWorld, run } from './linux-world.ts'

describe('VXLAN filter', () => {
  let world: LinuxWorld
  beforeEach(async () => {
    world = await createLinuxWorld()
    world.addNic('eth0', '192.168.77.1/24')
  })
  afterEach(() => world.dispose())

  const filter = (...peers: string[]): Op => ({
    op: 'nft-table-set',
    table: vxlanFilterTable({ udpPort: 4789, vni: 4097, peers }),
  })
  /** A host at the far end of the NIC, with those addresses; gives back how to run something there. */
  function farHost(...addresses: string[]) {
    const sandbox = world.makeSandbox()
    run('ip', 'link', 'set', 'eth0-far', 'netns', sandbox.replace('/run/netns/', ''))
    const there = (...argv: string[]) => run('nsenter', `--net=${sandbox}`, ...argv)
    there('ip', 'link', 'set', 'eth0-far', 'up')
    for (const address of addresses) there('ip', 'addr', 'add', address, 'dev', 'eth0-far', ...nodad(address))
    return there
  }
  const nodad = (address: string) => (address.includes(':') ? ['nodad'] : [])

  it.each([
    { family: 'IPv4', near: '192.168.77.1', peer: '192.168.77.2', stranger: '192.168.77.66', bits: 24 },
    { family: 'IPv6', near: 'fd77::1', peer: 'fd77::2', stranger: 'fd77::66', bits: 64 },
  ])('takes our VNI from peers only, and lets other VNIs of the port be, over $family', async (at) => {
    const there = farHost(`${at.peer}/${at.bits}`, `${at.stranger}/${at.bits}`)
    if (at.family === 'IPv6') run('ip', 'addr', 'add', `${at.near}/${at.bits}`, 'dev', 'eth0', 'nodad')
    const device = (name: string, vni: number, ...ends: string[]) =>
      ['ip', 'link', 'add', name, 'type', 'vxlan', 'id', String(vni), 'dstport', '4789', ...ends] as const
    for (const vni of [4097, 5000]) {
      run(...device(`near${vni}`, vni, 'local', at.near, 'dev', 'eth0'))
      run('ip', 'addr', 'add', `10.9.${vni & 0xff}.1/24`, 'dev', `near${vni}`)
      run('ip', 'link', 'set', `near${vni}`, 'up')
    }
    /** Whether containers of that network behind the far VTEP reach us. */
    const reaches = (vni: number, vtep: string): boolean => {
      const ends = ['local', vtep, 'remote', at.near, 'dev', 'eth0-far']
      there(...device('far', vni, ...ends))
      there('ip', 'addr', 'add', `10.9.${vni & 0xff}.2/24`, 'dev', 'far')
      there('ip', 'link', 'set', 'far', 'up')
      try {
        there('ping', '-c', '1', '-W', '1', `10.9.${vni & 0xff}.1`)
        return true
      } catch {
        return false
      } finally {
        there('ip', 'link', 'del', 'far')
      }
    }
    const all = () =>
      [4097, 5000].flatMap((vni) => [at.peer, at.stranger].map((vtep) => `${vni} ${vtep} ${reaches(vni, vtep)}`))
    const open = [`4097 ${at.peer} true`, `4097 ${at.stranger} true`]
    const foreign = [`5000 ${at.peer} true`, `5000 ${at.stranger} true`]
    expect(all()).toEqual([...open, ...foreign])
    expect(await world.kernel.apply([filter(at.peer)])).toEqual([])
    expect(all()).toEqual([`4097 ${at.peer} true`, `4097 ${at.stranger} false`, ...foreign])
    expect(await world.kernel.apply([filter()])).toEqual([])
    expect(all()).toEqual([`4097 ${at.peer} false`, `4097 ${at.stranger} false`, ...foreign])
  })

  it('judges by port and VNI, and drops what is too short to have one', async () => {
    const there = farHost('192.168.77.2/24', '192.168.77.66/24')
    expect(await world.kernel.apply([filter('192.168.77.2')])).toEqual([])

    const heard: string[] = []
    const sockets = [4789, 4790].map((udpPort) => {
      const socket = createSocket('udp4')
      socket.on('message', (bytes, from) =>
        heard.push(`${from.address} ${udpPort} ${bytes.length >= 8 ? bytes.readUIntBE(4, 3) : 'short'}`),
      )
      socket.bind(udpPort, '192.168.77.1')
      return socket
    })
    await Promise.all(sockets.map((socket) => once(socket, 'listening')))
    const send = (from: string, udpPort: number, bytes: string) => {
      there('ip', 'route', 'replace', '192.168.77.1/32', 'dev', 'eth0-far', 'src', from)
      there('bash', '-c', `printf '${bytes}' > /dev/udp/192.168.77.1/${udpPort}`)
    }
    const vni = (bytes: string) => String.raw`\x08\0\0\0${bytes}\0`
    const [ours, theirs] = [vni(String.raw`\x00\x10\x01`), vni(String.raw`\x00\x10\x02`)]
    send('192.168.77.66', 4789, ours)
    send('192.168.77.2', 4789, 'short')
    send('192.168.77.66', 4789, 'short')
    send('192.168.77.66', 4790, 'short')
    send('192.168.77.66', 4790, ours)
    send('192.168.77.66', 4789, theirs)
    send('192.168.77.2', 4789, ours)
    await expect.poll(() => heard.length, { timeout: 3000 }).toBeGreaterThanOrEqual(4)
    expect(heard.sort()).toEqual([
      '192.168.77.2 4789 4097',
      '192.168.77.66 4789 4098',
      '192.168.77.66 4790 4097',
      '192.168.77.66 4790 short',
    ])
    for (const socket of sockets) socket.close()
  })

  it('sees that somebody emptied the chain or a set, and rings', async () => {
    await world.kernel.apply([filter('192.168.77.2', '192.168.77.3')])
    const told = async () => (await world.kernel.observe([])).state.nftTables.map(({ sets }) => sets.length)
    expect(await told()).toEqual([4])
    const stop = new AbortController()
    let rings = 0
    const ended = (async () => {
      for await (const _ of world.kernel.changes(stop.signal)) rings++
    })()
    await expect.poll(() => rings, { timeout: 5000 }).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 1200))
    const before = rings
    run('nft', 'delete', 'element', 'inet', 'weft_vxlan', 'peers4', '{ 192.168.77.3 . 4789 . 4097 }')
    await expect.poll(() => rings, { timeout: 1500, interval: 20 }).toBeGreaterThan(before)
    expect(await told()).toEqual([0])
    await world.kernel.apply([filter('192.168.77.2', '192.168.77.3')])
    expect(await told()).toEqual([4])
    run('nft', 'flush', 'chain', 'inet', 'weft_vxlan', 'prerouting')
    expect(await told()).toEqual([0])
    stop.abort()
    await ended
  })
})
