/** What only the real kernel can show: packets, programs, namespaces, and what others do to them. */
import { execFileSync } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { FABRIC_NETNS, type Op, WEFT_LINK_GROUP } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openBroadcasts, readHostWays } from '../../agent/src/kernel/index.ts'
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

  it('keeps a container’s MAC on its port, whatever a port that learns hears', async () => {
    const sandbox = world.makeSandbox()
    const mac = '02:00:00:00:00:77'
    await world.kernel.apply([bridge, port(sandbox), { op: 'fdb-set', entry: { netns: FABRIC, link: 'wfp1', mac } }])
    const entries = execFileSync('bridge', ['-n', world.fabric, 'fdb', 'show', 'dev', 'wfp1'], {
      encoding: 'utf8',
    }).split('\n')
    expect(entries.find((line) => line.startsWith(mac))).toMatch(/ sticky .* static/)
  })

  it('broadcasts with an interface’s own MAC, and hears what comes in there', async () => {
    const [near, far] = [await openBroadcasts({ name: 'eth0' }), await openBroadcasts({ name: 'eth0-far' })]
    try {
      expect(far.receive()).toBeUndefined()
      near.send(Buffer.from('one'))
      near.send(Buffer.from('two'))
      const words = [far.receive(), far.receive()].map((got) => got?.subarray(0, 3).toString())
      expect(words).toEqual(['one', 'two'])
      expect([far.receive(), near.receive()]).toEqual([undefined, undefined])
      run('ip', 'link', 'set', 'eth0', 'down')
      expect(() => near.send(Buffer.from('three'))).toThrow(/ENETDOWN/)
      expect(near.receive()).toBeUndefined()
    } finally {
      near.close()
      far.close()
    }
    await expect(openBroadcasts({ name: 'eth9' })).rejects.toThrow(/no such interface: eth9/)
  })

  it('lets a dual-stack vxlan device hear no router, ask none, and make no address of its own', async () => {
    const dual: Op = {
      op: 'link-add',
      link: {
        kind: 'vxlan',
        netns: FABRIC,
        name: 'wfx1',
        vni: 4097,
        underlay: 'eth0',
        local: '192.168.77.1',
        udpPort: 4789,
        learning: false,
        proxy: true,
        mtu: 1430,
        up: true,
        ipv6: true,
      },
    }
    expect(await world.kernel.apply([dual])).toEqual([])
    const told = (...argv: string[]) => execFileSync('ip', argv, { encoding: 'utf8' }).trim()
    const setting = (where: string, name: string) =>
      told('netns', 'exec', world.fabric, 'cat', `/proc/sys/net/ipv6/conf/${where}/${name}`)
    expect(setting('wfx1', 'disable_ipv6')).toBe('0')
    for (const where of ['default', 'wfx1']) {
      const settings = ['accept_ra', 'autoconf', 'router_solicitations', 'addr_gen_mode'].map((name) =>
        setting(where, name),
      )
      expect(settings, where).toEqual(['0', '0', '0', '1'])
    }
    expect(told('-n', world.fabric, '-6', 'address', 'show', 'dev', 'wfx1')).toBe('')
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
      fabric: 'make',
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
    expect(readHostWays().routes).toEqual(['10.99.0.0/16', '192.168.77.0/24'])
    expect(readHostWays().interfaces).toMatchObject([
      { name: 'eth0', mtu: 1500, up: true, kind: 'veth', addresses: ['192.168.77.1/24'] },
      { name: 'eth0-far', kind: 'veth', addresses: [] },
    ])
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
