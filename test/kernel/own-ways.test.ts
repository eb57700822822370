/** What only the real kernel can show: packets, programs, namespaces, and what others do to them. */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { FABRIC_NETNS, type Op, WEFT_LINK_GROUP } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hostInterfaces, hostRoutes } from '../../agent/src/kernel/index.ts'
import { createLinuxWorld, type LinuxWorld, run } from './linux-world.ts'

const FABRIC = FABRIC_NETNS
const bridge: Op = {
  op: 'link-add',
  link: { kind: 'bridge', netns: FABRIC, name: 'wfb1', mac: '02:00:00:00:00:01', up: true, ipv6: false },
}
const port = (sandbox: string): Op => ({
  op: 'link-add',
  link: { kind: 'veth', netns: FABRIC, name: 'wfp1', master: 'wfb1', peer: { netns: sandbox, name: 'eth0' }, up: true },
})

describe('the kernel of this machine, beside the suite', () => {
  let world: LinuxWorld
  beforeEach(async () => {
    world = await createLinuxWorld()
    world.addNic('eth0', '192.168.77.1/24')
  })
  afterEach(() => world.dispose())

  it('prepares the fabric: loopback up, no IPv6 on what is born there', async () => {
    await world.kernel.apply([bridge])
    expect(world.facts(FABRIC).filter((line) => line.startsWith('address'))).toEqual([])
    const link = (await world.kernel.observe([])).state.links.find(({ name }) => name === 'wfb1')
    expect(link).toMatchObject({ ipv6: false })
  })

  it('makes a second pass with nothing left to do: setting again what was observed changes nothing', async () => {
    const sandbox = world.makeSandbox()
    await world.kernel.apply([bridge, port(sandbox)])
    const first = await world.kernel.observe([sandbox])
    expect(await world.kernel.observe([sandbox])).toEqual(first)
  })

  it('leaves no thread of the process in a sandbox or the fabric', async () => {
    const sandbox = world.makeSandbox()
    await world.kernel.apply([
      bridge,
      port(sandbox),
      { op: 'link-set', netns: sandbox, name: 'eth0', set: { ipv6: true } },
    ])
    await world.kernel.observe([sandbox])
    // Whatever threads come now are born where the main thread is.
    await Promise.all(Array.from({ length: 32 }, () => lookup('localhost')))
    const homes = readdirSync('/proc/self/task').map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`))
    for (const path of [sandbox, `/run/netns/${world.fabric}`]) {
      expect(homes).not.toContain(`net:[${statSync(path).ino}]`)
    }
  })

  it('does not keep a dead sandbox alive', async () => {
    const sandbox = world.makeSandbox()
    await world.kernel.apply([bridge, port(sandbox)])
    await world.kernel.observe([sandbox])
    world.removeSandbox(sandbox)
    await expect
      .poll(() => world.facts(FABRIC).filter((line) => line.startsWith('link wfp1')), { timeout: 5000 })
      .toEqual([])
  })

  it('opens the same fabric again with all that it holds', async () => {
    await world.kernel.apply([bridge])
    const { createLinuxKernel } = await import('../../agent/src/kernel/index.ts')
    const again = await createLinuxKernel({
      fabricNetns: world.fabric,
      log: { debug: () => {}, warn: () => {} } as never,
    })
    expect((await again.observe([])).state.links.find(({ name }) => name === 'wfb1')).toMatchObject({ owned: true })
    again.close()
  })

  it('knows a link as its own by group and name together', async () => {
    run('ip', '-n', world.fabric, 'link', 'add', 'wfb7', 'type', 'bridge')
    run('ip', 'link', 'add', 'mine', 'type', 'bridge')
    run('ip', 'link', 'set', 'mine', 'group', String(WEFT_LINK_GROUP))
    const { links } = (await world.kernel.observe([])).state
    expect(links.find(({ name }) => name === 'wfb7')).toBeUndefined()
    expect(links.find(({ name }) => name === 'mine')).toMatchObject({ owned: false })
  })

  it('tells the interfaces and routes of the host, its own left out', async () => {
    run('ip', 'route', 'add', '10.99.0.0/16', 'via', '192.168.77.9')
    run('ip', 'route', 'add', 'default', 'via', '192.168.77.9')
    await world.kernel.apply([
      {
        op: 'link-add',
        link: {
          kind: 'macvlan',
          netns: '',
          name: 'wfc1',
          parent: { netns: '', name: 'eth0' },
          mode: 'bridge',
          up: true,
        },
      },
      { op: 'address-add', address: { netns: '', link: 'wfc1', address: '10.98.0.1/24' } },
    ])
    expect(hostRoutes()).toEqual(['10.99.0.0/16', '192.168.77.0/24'])
    expect(hostInterfaces()).toMatchObject([
      { name: 'eth0', mtu: 1500, up: true, kind: 'veth', addresses: ['192.168.77.1/24'] },
      { name: 'eth0-far', kind: 'veth', addresses: [] },
    ])
  })

  describe('VXLAN filter', () => {
    const filter = (...peers: string[]): Op => ({
      op: 'vxlan-filter-set',
      filters: [{ udpPort: 4789, vni: 4097, peers }],
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
      expect((await world.kernel.observe([])).state.vxlanFilters).toHaveLength(1)
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
      expect((await world.kernel.observe([])).state.vxlanFilters).toEqual([
        { udpPort: 4789, vni: 4097, peers: ['192.168.77.2'] },
      ])
      run('nft', 'flush', 'chain', 'inet', 'weft_vxlan', 'prerouting')
      expect((await world.kernel.observe([])).state.vxlanFilters).toEqual([])
      stop.abort()
      await ended
    })
  })

  describe('doorbell', () => {
    async function listen() {
      const stop = new AbortController()
      let rings = 0
      const ended = (async () => {
        for await (const _ of world.kernel.changes(stop.signal)) rings++
      })()
      await expect.poll(() => rings, { timeout: 5000 }).toBeGreaterThan(0)
      await new Promise((resolve) => setTimeout(resolve, 500))
      return {
        rings: () => rings,
        stop: async () => {
          stop.abort()
          await ended
        },
      }
    }
    /** The `ip monitor` children of this process. */
    function monitors(): number[] {
      return readdirSync('/proc')
        .filter((entry) => /^\d+$/.test(entry) && existsSync(`/proc/${entry}/stat`))
        .filter((pid) => {
          try {
            const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
            return parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('monitor')
          } catch {
            return false
          }
        })
        .map(Number)
    }

    it('rings for an FDB entry, a neighbour, a port flag and an MTU, and for an address inside a sandbox', async () => {
      const sandbox = world.makeSandbox()
      const name = sandbox.replace('/run/netns/', '')
      await world.kernel.apply([
        bridge,
        port(sandbox),
        { op: 'fdb-set', entry: { netns: FABRIC, link: 'wfp1', mac: '02:00:00:00:09:01' } },
        { op: 'neighbour-set', neighbour: { netns: FABRIC, link: 'wfb1', ip: '10.0.0.9', mac: '02:00:00:00:09:01' } },
        { op: 'link-set', netns: sandbox, name: 'eth0', set: { up: true } },
        { op: 'address-add', address: { netns: sandbox, link: 'eth0', address: '10.0.0.7/24' } },
      ])
      await world.kernel.observe([sandbox])
      const bell = await listen()
      for (const line of [
        `bridge -n ${world.fabric} fdb del 02:00:00:00:09:01 dev wfp1 master`,
        `ip -n ${world.fabric} neigh del 10.0.0.9 dev wfb1`,
        `bridge -n ${world.fabric} link set dev wfp1 learning off`,
        `ip -n ${world.fabric} link set wfp1 mtu 1400`,
        `ip -n ${name} addr del 10.0.0.7/24 dev eth0`,
      ]) {
        const before = bell.rings()
        const [program = '', ...argv] = line.split(' ')
        run(program, ...argv)
        await expect.poll(bell.rings, { timeout: 1000, interval: 10, message: line }).toBeGreaterThan(before)
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
      await bell.stop()
    })

    it('starts a monitor again that dies, rings for what it missed, and leaves none behind', async () => {
      const bell = await listen()
      const [first, ...others] = monitors()
      expect(others).toHaveLength(1)
      const before = bell.rings()
      process.kill(first ?? 0, 'SIGKILL')
      await expect.poll(bell.rings, { timeout: 2000 }).toBeGreaterThan(before)
      await expect.poll(() => monitors().length, { timeout: 5000 }).toBe(2)
      await bell.stop()
      expect(monitors()).toEqual([])
    })
  })

  it('refuses IPv6 on a link whose MTU is too small for it', async () => {
    await world.kernel.apply([bridge])
    const failures = await world.kernel.apply([
      { op: 'link-set', netns: FABRIC, name: 'wfb1', set: { mtu: 1000 } },
      { op: 'link-set', netns: FABRIC, name: 'wfb1', set: { ipv6: true } },
    ])
    expect(failures.map(({ error }) => error.code)).toEqual(['unsupported'])
  })
})
