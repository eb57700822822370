/**
 * The defects of the `netlink` package (DOCKER.md section 5), each shown not to be ours on the kernel of this machine.
 * Those that need no kernel are in agent/src/kernel/netlink/transport.test.ts and kinds/kinds.test.ts (2, 5-12).
 */
import { readFileSync } from 'node:fs'
import { FABRIC_NETNS, type Op } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openChannel, PROTOCOL } from '../../agent/src/kernel/netlink/channel.ts'
import { NetlinkSocket, openNetlink } from '../../agent/src/kernel/netlink/transport.ts'
import { createLinuxWorld, json, type LinuxWorld, run } from './linux-world.ts'

const FABRIC = FABRIC_NETNS
const VTEP = '192.168.77.1'
const ENODEV = 19

describe('defects of the netlink package', () => {
  let world: LinuxWorld
  beforeEach(async () => {
    world = await createLinuxWorld()
    world.addNic('eth0', `${VTEP}/24`)
  })
  afterEach(() => world.dispose())

  const vxlan = (name: string, vni: number): Op => ({
    op: 'link-add',
    link: {
      kind: 'vxlan',
      netns: FABRIC,
      name,
      vni,
      underlay: 'eth0',
      local: VTEP,
      udpPort: 4789,
      learning: false,
      proxy: true,
      up: true,
    },
  })
  const entries = (link: string, count: number): Op[] =>
    Array.from({ length: count }, (_, index) => ({
      op: 'fdb-set',
      entry: { netns: FABRIC, link, mac: `02:01:00:00:${hex(index >> 8)}:${hex(index & 255)}`, vtep: '192.168.77.2' },
    }))

  it('1: ten thousand changes while the doorbell listens and the loop is blocked harm nobody', async () => {
    const stop = new AbortController()
    let rings = 0
    const ended = (async () => {
      for await (const _ of world.kernel.changes(stop.signal)) rings++
    })()
    await expect.poll(() => rings, { timeout: 5000 }).toBeGreaterThan(0)
    expect(await world.kernel.apply([vxlan('wfx1', 1)])).toEqual([])
    const before = rings
    const change = world.kernel.apply(entries('wfx1', 10_000))
    const until = performance.now() + 500
    while (performance.now() < until);
    expect(await change).toEqual([])
    await expect.poll(() => rings, { timeout: 2000 }).toBeGreaterThan(before)
    expect((await world.kernel.observe([])).state.fdb).toHaveLength(10_000)
    stop.abort()
    await ended
  })

  it("1-3: the package's native socket, which is what aborts, is never loaded", () => {
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toMatch(/netlink[^\n]*\.node/)
    expect(readFileSync('/proc/self/maps', 'utf8')).toMatch(/koffi[^\n]*\.node/)
  })

  it('4: the coming and the going of one link both ring, since no message of them is ever read', async () => {
    const stop = new AbortController()
    let rings = 0
    const ended = (async () => {
      for await (const _ of world.kernel.changes(stop.signal)) rings++
    })()
    await expect.poll(() => rings, { timeout: 5000 }).toBeGreaterThan(0)
    for (const verb of ['add', 'del']) {
      await new Promise((resolve) => setTimeout(resolve, 400))
      const before = rings
      run('ip', '-n', world.fabric, 'link', verb, 'br7', ...(verb === 'add' ? ['type', 'bridge'] : []))
      await expect.poll(() => rings, { timeout: 1000, interval: 10 }).toBeGreaterThan(before)
    }
    stop.abort()
    await ended
  })

  it('5: observations and changes asked for at once come one after the other, each whole', async () => {
    await world.kernel.apply([vxlan('wfx1', 1), ...entries('wfx1', 2000)])
    const [a, failures, b] = await Promise.all([
      world.kernel.observe([]),
      world.kernel.apply(entries('wfx1', 3000)),
      world.kernel.observe([]),
    ])
    expect([a.state.fdb.length, failures.length, b.state.fdb.length]).toEqual([2000, 0, 3000])
  })

  it('6: a request that the kernel does not answer ends at its deadline, and the socket goes on', () => {
    const socket = new NetlinkSocket(openChannel(PROTOCOL.route, 50))
    const noop = { type: 1, flags: 0, payload: Buffer.alloc(0) }
    expect(() => socket.get(noop, () => 'answered', [])).toThrow(expect.objectContaining({ code: 'deadline' }))
    const getLoopback = { type: 18, flags: 0, payload: Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }
    expect(socket.get(getLoopback, ({ type }) => type, [])).toBe(16)
    socket.close()
  })

  it("7: a refusal comes with its number and the kernel's own words", async () => {
    await world.kernel.apply([vxlan('wfx1', 1)])
    const [failure] = await world.kernel.apply([
      { op: 'neighbour-set', neighbour: { netns: FABRIC, link: 'wfx1', ip: 'fd00::1', mac: '02:00:00:00:00:01' } },
    ])
    expect(failure?.error.message).toMatch(/EINVAL, IPv6 is disabled on this device/)
  })

  it('12: entries with attributes that the package does not know (NDA_FLAGS_EXT, …) are read', async () => {
    await world.kernel.apply([vxlan('wfx1', 1)])
    run(
      'bridge',
      '-n',
      world.fabric,
      'fdb',
      'add',
      '02:00:00:00:00:07',
      'dev',
      'wfx1',
      'dst',
      VTEP,
      'vni',
      '9',
      'port',
      '4790',
    )
    expect((await world.kernel.observe([])).state.fdb).toEqual([
      { netns: FABRIC, link: 'wfx1', mac: '02:00:00:00:00:07', vtep: VTEP },
    ])
  })

  it('13: FDB entries are told apart by device, and those of devices that are not ours left out', async () => {
    await world.kernel.apply([vxlan('wfx1', 1), vxlan('wfx2', 2), ...entries('wfx1', 3), ...entries('wfx2', 2)])
    run('ip', '-n', world.fabric, 'link', 'add', 'foreign', 'type', 'vxlan', 'id', '3', 'dstport', '4790')
    run('bridge', '-n', world.fabric, 'fdb', 'add', '02:00:00:00:00:07', 'dev', 'foreign', 'dst', VTEP)
    const { fdb } = (await world.kernel.observe([])).state
    expect(Map.groupBy(fdb, (entry) => entry.link).get('wfx1')).toHaveLength(3)
    expect(Map.groupBy(fdb, (entry) => entry.link).get('wfx2')).toHaveLength(2)
    expect(fdb).toHaveLength(5)
  })

  it('14: a link is removed by its name', async () => {
    await world.kernel.apply([vxlan('wfx1', 1)])
    expect(await world.kernel.apply([{ op: 'link-delete', netns: FABRIC, name: 'wfx1' }])).toEqual([])
    expect(json<{ ifname: string }>('ip', '-j', '-n', world.fabric, 'link').map((link) => link.ifname)).toEqual(['lo'])
  })

  it('16: five hundred refusals of one batch all come back, each at its place', () => {
    using socket = openNetlink()
    const deleteNothing = {
      type: 17,
      flags: 0,
      payload: Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    }
    const refusals = socket.batch(Array.from({ length: 500 }, () => deleteNothing))
    expect(refusals.map(({ index }) => index)).toEqual(Array.from({ length: 500 }, (_, index) => index))
    expect(new Set(refusals.map(({ errno }) => errno))).toEqual(new Set([ENODEV]))
  })
})

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
