/**
 * What every Kernel must do, real or fake. The truth about what came of an op is told by the world (`facts`), on Linux by
 * iproute2 and nft, never by the kernel's own reader.
 */
import {
  FABRIC_NETNS,
  type FdbEntry,
  type HostState,
  type Link,
  type NftSet,
  type NftTable,
  type NftTableRef,
  type Op,
  WEFT_LINK_GROUP,
  type WeftError,
} from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Kernel } from '../../agent/src/kernel/kernel.ts'

export interface KernelWorld {
  readonly kernel: Kernel
  /** What this kernel cannot do, with the reason. */
  readonly lacks: { readonly vlan?: string; readonly ipvlan?: string }
  makeSandbox(): string
  removeSandbox(path: string): void
  /** A NIC of the host, up, MTU 1500, with that address. */
  addNic(name: string, address: string): void
  /** A bridge that an admin made, in the own netns. */
  addForeignBridge(name: string): void
  removeByHand(netns: string, name: string): void
  /** An empty table of family inet that somebody else made. */
  setForeignTable(netns: string, name: string): void
  /** Somebody appends a rule to a chain of the table. */
  alterTable(netns: string, table: NftTableRef, chain: string): void
  /**
   * Lines of what a netns holds: `link NAME KIND MAC mtu MTU up|down master NAME|-`, `alias NAME TEXT`,
   * `group NAME NUMBER`, `address LINK CIDR`, `route DESTINATION VIA|- LINK`, `neighbour LINK IP MAC`,
   * `fdb LINK MAC VTEP|master`, `table FAMILY NAME`, `set TABLE NAME ELEMENT,…`, `chain TABLE NAME HOOK|- RULES`.
   */
  facts(netns: string): string[]
  dispose(): Promise<void>
}

const FABRIC = FABRIC_NETNS
const VTEP = '192.168.77.1'
const PEER = '192.168.77.2'

const bridge = (more: Partial<Extract<Link, { kind: 'bridge' }>> = {}): Link => ({
  kind: 'bridge',
  netns: FABRIC,
  name: 'wfb1',
  mtu: 1450,
  mac: '02:00:00:00:00:01',
  multicastSnooping: false,
  ipv6: false,
  up: true,
  ...more,
})
const vxlan = (more: Partial<Extract<Link, { kind: 'vxlan' }>> = {}): Link => ({
  kind: 'vxlan',
  netns: FABRIC,
  name: 'wfx1',
  mtu: 1450,
  mac: '02:00:00:00:00:02',
  vni: 4097,
  underlay: 'eth0',
  local: VTEP,
  udpPort: 4789,
  learning: false,
  proxy: true,
  ipv6: false,
  up: true,
  ...more,
})
const veth = (more: Partial<Extract<Link, { kind: 'veth' }>> = {}): Link => ({
  kind: 'veth',
  netns: FABRIC,
  name: 'wfp1',
  mtu: 1450,
  mac: '02:00:00:00:00:03',
  peer: { netns: '', name: 'wfc1' },
  peerMac: '02:00:00:00:01:03',
  ipv6: false,
  up: true,
  ...more,
})
const macvlan = (more: Partial<Extract<Link, { kind: 'macvlan' }>> = {}): Link => ({
  kind: 'macvlan',
  netns: '',
  name: 'wfc2',
  mac: '02:00:00:00:02:01',
  parent: { netns: '', name: 'eth0' },
  mode: 'bridge',
  ipv6: false,
  up: true,
  ...more,
})
const ipvlan = (more: Partial<Extract<Link, { kind: 'ipvlan' }>> = {}): Link => ({
  kind: 'ipvlan',
  netns: '',
  name: 'wfc4',
  parent: { netns: '', name: 'eth0' },
  mode: 'l2',
  flag: 'bridge',
  ipv6: false,
  up: true,
  ...more,
})
const vlan = (more: Partial<Extract<Link, { kind: 'vlan' }>> = {}): Link => ({
  kind: 'vlan',
  netns: '',
  name: 'eth0.10',
  parent: { netns: '', name: 'eth0' },
  vlanId: 10,
  protocol: '802.1Q',
  up: true,
  ...more,
})

const add = (link: Link): Op => ({ op: 'link-add', link })
const remove = (netns: string, name: string): Op => ({ op: 'link-delete', netns, name })
const setLink = (netns: string, name: string, set: Extract<Op, { op: 'link-set' }>['set']): Op => ({
  op: 'link-set',
  netns,
  name,
  set,
})
const address = (netns: string, link: string, text: string): Op => ({
  op: 'address-add',
  address: { netns, link, address: text },
})
const route = (netns: string, link: string, destination: string, via?: string): Op => ({
  op: 'route-set',
  route: { netns, link, destination, ...(via !== undefined && { via }) },
})
const neighbour = (link: string, ip: string, mac: string): Op => ({
  op: 'neighbour-set',
  neighbour: { netns: FABRIC, link, ip, mac },
})
const fdbEntry = (link: string, mac: string, vtep?: string): FdbEntry => ({
  netns: FABRIC,
  link,
  mac,
  ...(vtep !== undefined && { vtep }),
})
const fdb = (link: string, mac: string, vtep?: string): Op => ({ op: 'fdb-set', entry: fdbEntry(link, mac, vtep) })

/** Runs the suite on worlds that `make` builds; each test gets a fresh one. */
export function kernelConformance(name: string, make: () => Promise<KernelWorld>): void {
  describe(name, () => {
    let world: KernelWorld
    beforeEach(async () => {
      world = await make()
      world.addNic('eth0', `${VTEP}/24`)
    })
    afterEach(() => world.dispose())

    const apply = (...ops: Op[]) => world.kernel.apply(ops)
    async function held(...ops: Op[]): Promise<void> {
      const failures = await apply(...ops)
      expect(failures.map(({ error }) => error.message)).toEqual([])
    }
    async function refused(op: Op): Promise<WeftError> {
      const failures = await apply(op)
      expect(failures, `not refused: ${JSON.stringify(op)}`).toHaveLength(1)
      expect(failures[0]?.op).toEqual(op)
      return failures[0]?.error as WeftError
    }
    const observe = async (...sandboxes: string[]): Promise<HostState> => (await world.kernel.observe(sandboxes)).state
    const linkNamed = (state: HostState, netns: string, linkName: string) =>
      state.links.find((link) => link.netns === netns && link.name === linkName)

    describe('makes links', () => {
      it('makes a bridge, a vxlan port and a veth port into a sandbox, marked, with all their attributes', async () => {
        const sandbox = world.makeSandbox()
        const links = [
          bridge({ alias: 'network blue' }),
          vxlan({ master: 'wfb1', port: { learning: false, flood: true } }),
          veth({ master: 'wfb1', peer: { netns: sandbox, name: 'eth0' }, port: { learning: false, flood: false } }),
        ]
        await held(...links.map(add))
        expect(world.facts(FABRIC)).toEqual(
          expect.arrayContaining([
            'link wfb1 bridge 02:00:00:00:00:01 mtu 1450 up master -',
            'alias wfb1 network blue',
            `group wfb1 ${WEFT_LINK_GROUP}`,
            'link wfx1 vxlan 02:00:00:00:00:02 mtu 1450 up master wfb1',
            `group wfx1 ${WEFT_LINK_GROUP}`,
            'link wfp1 veth 02:00:00:00:00:03 mtu 1450 up master wfb1',
            `group wfp1 ${WEFT_LINK_GROUP}`,
          ]),
        )
        expect(world.facts(sandbox)).toContain('link eth0 veth 02:00:00:00:01:03 mtu 1450 down master -')
        const state = await observe(sandbox)
        for (const link of links) {
          const { peer: _, peerMac: _mac, ...told } = link as Extract<Link, { kind: 'veth' }>
          expect(linkNamed(state, link.netns, link.name)).toMatchObject({ ...told, owned: true })
        }
        expect(linkNamed(state, sandbox, 'eth0')).toMatchObject({ peer: { netns: FABRIC, name: 'wfp1' } })
      })

      it('bears a macvlan in another netns than its parent', async () => {
        await held(add(vxlan()), add(macvlan({ parent: { netns: FABRIC, name: 'wfx1' }, mtu: 1400 })))
        expect(world.facts('')).toContain('link wfc2 macvlan 02:00:00:00:02:01 mtu 1400 up master -')
        expect(linkNamed(await observe(), '', 'wfc2')).toMatchObject({
          kind: 'macvlan',
          parent: { netns: FABRIC, name: 'wfx1' },
          mode: 'bridge',
          owned: true,
        })
      })

      it('finds named links as an observation tells them, and those alone', async () => {
        await held(add(bridge()), add(vxlan({ master: 'wfb1' })), add(veth({ master: 'wfb1' })))
        const refs = [
          ...['wfb1', 'wfx1', 'wfp1', 'wfgone'].map((linkName) => ({ netns: FABRIC, name: linkName })),
          ...['wfc1', 'eth0'].map((linkName) => ({ netns: '', name: linkName })),
        ]
        const found = await world.kernel.find(refs)
        const state = await observe()
        expect(found).toHaveLength(5)
        for (const link of found) expect(linkNamed(state, link.netns, link.name)).toMatchObject(link)
        expect(found.find(({ name: each }) => each === 'wfp1')).toEqual(linkNamed(state, FABRIC, 'wfp1'))
        expect(await world.kernel.find([{ netns: '', name: 'wfb1' }])).toEqual([])
      })

      it.each(['bridge', 'private', 'vepa', 'passthru'] as const)('makes a macvlan of mode %s', async (mode) => {
        await held(add(macvlan({ mode })))
        expect(linkNamed(await observe(), '', 'wfc2')).toMatchObject({ mode, parent: { netns: '', name: 'eth0' } })
      })

      it.for(['802.1Q', '802.1ad'] as const)('makes a VLAN sub-interface, %s', async (protocol, { skip }) => {
        if (world.lacks.vlan !== undefined) {
          console.log(`skipped: VLAN sub-interface ${protocol}: ${world.lacks.vlan}`)
          skip(world.lacks.vlan)
        }
        await held(add(vlan({ protocol })))
        expect(linkNamed(await observe(), '', 'eth0.10')).toMatchObject({
          kind: 'vlan',
          parent: { netns: '', name: 'eth0' },
          vlanId: 10,
          protocol,
          owned: true,
        })
        await held(remove('', 'eth0.10'))
      })

      it('cuts the MTU of a vxlan device to what its underlay carries', async () => {
        await held(add(vxlan({ mtu: 1500 })))
        expect(linkNamed(await observe(), FABRIC, 'wfx1')?.mtu).toBe(1450)
      })
    })

    describe('ipvlan', () => {
      beforeEach(({ skip }) => {
        if (world.lacks.ipvlan === undefined) return
        console.log(`skipped: ipvlan: ${world.lacks.ipvlan}`)
        skip(world.lacks.ipvlan)
      })

      it('bears children of one mode and flag with their parent’s MAC, in their sandbox', async () => {
        const sandbox = world.makeSandbox()
        for (const mode of ['l2', 'l3', 'l3s'] as const) {
          for (const flag of ['bridge', 'private', 'vepa'] as const) {
            await held(add(ipvlan({ netns: sandbox, name: 'eth0', mode, flag })))
            const state = await observe(sandbox)
            const mac = linkNamed(state, '', 'eth0')?.mac
            expect(linkNamed(state, sandbox, 'eth0')).toMatchObject({
              ...{ kind: 'ipvlan', mode, flag, mac, mtu: 1500, up: true },
              parent: { netns: '', name: 'eth0' },
            })
            await held(remove(sandbox, 'eth0'))
          }
        }
      })

      it('keeps one mode and flag a parent: the newest child’s', async () => {
        await held(add(ipvlan()), add(ipvlan({ name: 'wfc5', mode: 'l3', flag: 'private' })))
        const state = await observe()
        for (const name of ['wfc4', 'wfc5']) {
          expect(linkNamed(state, '', name)).toMatchObject({ mode: 'l3', flag: 'private' })
        }
      })

      it('shares no parent with macvlan', async () => {
        await held(add(macvlan()))
        expect((await refused(add(ipvlan()))).code).toBe('conflict')
        await held(remove('', 'wfc2'), add(ipvlan()))
        expect((await refused(add(macvlan()))).code).toBe('conflict')
      })

      it('has no MAC of its own to change, and no address twice on a parent', async () => {
        const [one, two] = [world.makeSandbox(), world.makeSandbox()]
        await held(add(ipvlan({ netns: one, name: 'eth0' })), add(ipvlan({ netns: two, name: 'eth0' })))
        expect((await refused(setLink(one, 'eth0', { mac: '02:00:00:00:02:09' }))).code).toBe('unsupported')
        await held(address(one, 'eth0', '10.9.0.2/24'))
        expect((await refused(address(two, 'eth0', '10.9.0.2/24'))).code).toBe('conflict')
      })
    })

    it('keeps the MTU of a bridge whatever its ports have', async () => {
      await held(add(bridge({ mtu: 1400 })), add(veth({ mtu: 1300, master: 'wfb1' })), remove(FABRIC, 'wfp1'))
      expect(world.facts(FABRIC)).toContain('link wfb1 bridge 02:00:00:00:00:01 mtu 1400 up master -')
    })

    describe('refuses links', () => {
      it('says what exists under the name', async () => {
        await held(add(bridge()))
        const error = await refused(add(vxlan({ name: 'wfb1' })))
        expect(error.code).toBe('conflict')
        expect(error.message).toContain('bridge wfb1')
        expect(linkNamed(await observe(), FABRIC, 'wfb1')?.kind).toBe('bridge')
      })

      it('says which link has the VNI and port already', async () => {
        await held(add(vxlan()))
        const error = await refused(add(vxlan({ name: 'wfx2' })))
        expect(error.code).toBe('conflict')
        expect(error.message).toContain('wfx1')
      })

      it('takes one VNI on two UDP ports', async () => {
        await held(add(vxlan()), add(vxlan({ name: 'wfx2', udpPort: 4790 })))
      })

      it('says that the other end of a pair exists', async () => {
        await held(add(veth()))
        const error = await refused(add(veth({ name: 'wfp2' })))
        expect(error.code).toBe('conflict')
        expect(error.message).toContain('wfc1')
        expect(linkNamed(await observe(), FABRIC, 'wfp2')).toBeUndefined()
      })

      const bad: [string, Op, string][] = [
        ['a name over 15 bytes', add(bridge({ name: 'wf12345678901234' })), 'invalid'],
        ['a name of 15 characters but more bytes', add(bridge({ name: 'wfb0000000000éé' })), 'invalid'],
        ['a name with a slash', add(bridge({ name: 'wf/b' })), 'invalid'],
        ['a missing parent', add(macvlan({ parent: { netns: '', name: 'nic9' } })), 'not_found'],
        ['a missing underlay', add(vxlan({ underlay: 'nic9' })), 'not_found'],
        ['a missing bridge', add(vxlan({ master: 'wfb9' })), 'not_found'],
        ['a sandbox that is gone', add(veth({ peer: { netns: '/run/netns/gone', name: 'eth0' } })), 'not_found'],
        ['a VNI of 25 bits', add(vxlan({ vni: 1 << 24 })), 'invalid'],
        ['a local address that is none', add(vxlan({ local: '010.0.0.1' })), 'invalid'],
        ['a multicast MAC', add(bridge({ mac: '01:00:5e:00:00:01' })), 'not_found'],
        ['an MTU under 68', add(veth({ mtu: 60 })), 'invalid'],
        ['a pair without another end', add({ kind: 'veth', netns: FABRIC, name: 'wfp1' }), 'invalid'],
        ['a kind that is not made', add({ kind: 'other', netns: FABRIC, name: 'wfo1' }), 'invalid'],
      ]
      it.each(bad)('refuses %s', async (_what, op, code) => {
        expect((await refused(op)).code).toBe(code)
        expect((await observe()).links.filter((link) => link.owned)).toEqual([])
      })

      it('refuses a bridge of another netns as master', async () => {
        await held(add(bridge()))
        expect((await refused(add(macvlan({ master: 'wfb1' })))).code).toBe('not_found')
      })

      it('refuses a master that is no bridge', async () => {
        await held(add(vxlan()), add(veth()))
        expect((await refused(setLink(FABRIC, 'wfp1', { master: 'wfx1' }))).code).toBe('unsupported')
      })

      it('refuses to share a parent with a passthru link', async () => {
        await held(add(macvlan({ mode: 'passthru' })))
        expect((await refused(add(macvlan({ name: 'wfc3', mac: '02:00:00:00:02:02' })))).code).toBe('invalid')
      })

      it('refuses to bring up two macvlan links with one MAC', async () => {
        await held(add(macvlan()))
        expect((await refused(add(macvlan({ name: 'wfc3' })))).code).toBe('conflict')
      })

      it('refuses an MTU of a macvlan above its parent', async () => {
        await held(add(macvlan()))
        expect((await refused(setLink('', 'wfc2', { mtu: 1501 }))).code).toBe('invalid')
      })

      it('refuses to change what is fixed at birth', async () => {
        await held(add(vxlan()))
        expect((await refused(setLink(FABRIC, 'wfx1', { proxy: false }))).code).toBe('unsupported')
        await held(setLink(FABRIC, 'wfx1', { proxy: true }))
      })

      it('refuses to change the MAC that a passthru link shares with its parent', async () => {
        await held(add(macvlan({ mode: 'passthru' })))
        const parentMac = linkNamed(await observe(), '', 'eth0')?.mac
        expect(linkNamed(await observe(), '', 'wfc2')?.mac).toBe(parentMac)
        expect((await refused(setLink('', 'wfc2', { mac: '02:00:00:00:02:09' }))).code).toBe('denied')
        expect(linkNamed(await observe(), '', 'eth0')?.mac).toBe(parentMac)
      })

      it('refuses port flags on what is no port, and snooping on what is no bridge', async () => {
        await held(add(veth()))
        expect((await refused(setLink(FABRIC, 'wfp1', { port: { learning: false } }))).code).toBe('unsupported')
        expect((await refused(setLink(FABRIC, 'wfp1', { multicastSnooping: false }))).code).toBe('unsupported')
      })
    })

    describe('changes links', () => {
      it('changes every attribute that can be, and nothing else', async () => {
        await held(add(bridge()), add(bridge({ name: 'wfb2', mac: '02:00:00:00:00:11' })), add(veth()))
        const set = { mtu: 1400, mac: '02:00:00:00:00:33', master: 'wfb1', alias: 'port', ipv6: true }
        const port = { learning: false, flood: false, multicastFlood: false, broadcastFlood: true, isolated: true }
        await held(setLink(FABRIC, 'wfp1', { ...set, port: { ...port, hairpin: true } }))
        expect(world.facts(FABRIC)).toEqual(
          expect.arrayContaining(['link wfp1 veth 02:00:00:00:00:33 mtu 1400 up master wfb1', 'alias wfp1 port']),
        )
        expect(linkNamed(await observe(), FABRIC, 'wfp1')).toMatchObject({ ...set, port: { ...port, hairpin: true } })
        await held(setLink(FABRIC, 'wfp1', { master: 'wfb2' }))
        expect(linkNamed(await observe(), FABRIC, 'wfp1')?.port).toMatchObject({ learning: true, flood: true })
        await held(
          setLink(FABRIC, 'wfp1', { master: null, up: false }),
          setLink(FABRIC, 'wfb2', { multicastSnooping: true }),
        )
        expect(world.facts(FABRIC)).toContain('link wfp1 veth 02:00:00:00:00:33 mtu 1400 down master -')
        expect(linkNamed(await observe(), FABRIC, 'wfb2')).toMatchObject({ multicastSnooping: true })
      })

      it('renames a link in a sandbox with all that it has, and no link onto another', async () => {
        const sandbox = world.makeSandbox()
        const [lan, wan] = ['lan0', 'wan0'].map((name, index) =>
          macvlan({ netns: sandbox, name, mac: `02:00:00:00:02:1${index}`, ipv6: true }),
        )
        await held(add(lan as Link), add(wan as Link), address(sandbox, 'lan0', '10.0.0.7/24'))
        await held(setLink(sandbox, 'lan0', { name: 'eth7' }))
        const state = await observe(sandbox)
        expect(linkNamed(state, sandbox, 'lan0')).toBeUndefined()
        expect(linkNamed(state, sandbox, 'eth7')).toMatchObject({ mac: '02:00:00:00:02:10', up: true })
        expect(state.addresses).toContainEqual({ netns: sandbox, link: 'eth7', address: '10.0.0.7/24' })
        expect((await refused(setLink(sandbox, 'wan0', { name: 'eth7' }))).code).toBe('conflict')
      })

      it('says that the link to change is not there', async () => {
        expect((await refused(setLink(FABRIC, 'wfp9', { up: true }))).code).toBe('not_found')
        expect((await refused(setLink('/run/netns/gone', 'eth0', { up: true }))).code).toBe('not_found')
      })
    })

    describe('removes links', () => {
      it('removes what is absent with success', async () => {
        await held(remove(FABRIC, 'wfb9'), remove('', 'wfc9'), remove('/run/netns/gone', 'eth0'))
      })

      it('removes many, of which some are gone already, in one go', async () => {
        const ports = Array.from({ length: 12 }, (_, index) =>
          veth({
            name: `wfp${index}`,
            mac: `02:00:00:00:03:0${index.toString(16)}`,
            peer: { netns: '', name: `wfc${index}` },
          }),
        )
        await held(add(bridge()), ...ports.map(add))
        await held(...ports.map((port) => remove(FABRIC, port.name)), remove(FABRIC, 'wfp99'), remove(FABRIC, 'wfb1'))
        expect((await observe()).links.filter((link) => link.owned)).toEqual([])
        expect(world.facts(FABRIC).filter((line) => line.startsWith('link'))).toEqual([])
      })

      it('removes the children of a parent, and the other end of a pair', async () => {
        await held(add(vxlan()), add(macvlan({ parent: { netns: FABRIC, name: 'wfx1' }, mtu: 1400 })), add(veth()))
        await held(remove(FABRIC, 'wfx1'), remove('', 'wfc2'), remove('', 'wfc1'))
        expect((await observe()).links.filter((link) => link.owned)).toEqual([])
      })

      it('removes a vxlan device with its underlay', async () => {
        await held(add(vxlan()))
        world.removeByHand('', 'eth0')
        expect(linkNamed(await observe(), FABRIC, 'wfx1')).toBeUndefined()
      })

      it('frees the ports of a bridge that goes', async () => {
        await held(
          add(bridge()),
          add(veth({ master: 'wfb1' })),
          fdb('wfp1', '02:00:00:00:01:03'),
          remove(FABRIC, 'wfb1'),
        )
        const state = await observe()
        expect(linkNamed(state, FABRIC, 'wfp1')).toMatchObject({ master: null })
        expect(linkNamed(state, FABRIC, 'wfp1')).not.toHaveProperty('port')
        expect(state.fdb).toEqual([])
      })

      it('loses the port whose other end went with its sandbox', async () => {
        const sandbox = world.makeSandbox()
        await held(add(veth({ peer: { netns: sandbox, name: 'eth0' } })))
        world.removeSandbox(sandbox)
        await expect.poll(async () => linkNamed(await observe(), FABRIC, 'wfp1'), { timeout: 5000 }).toBeUndefined()
        expect(await world.kernel.observe([sandbox])).toMatchObject({ missing: [sandbox] })
      })
    })

    describe('leaves alone what is not ours', () => {
      it('sees foreign links and refuses to touch them', async () => {
        world.addForeignBridge('br0')
        expect(linkNamed(await observe(), '', 'br0')).toMatchObject({ kind: 'bridge', owned: false })
        const before = world.facts('')
        expect((await refused(remove('', 'br0'))).code).toBe('denied')
        expect((await refused(setLink('', 'br0', { mtu: 1400 }))).code).toBe('denied')
        expect((await refused(address('', 'eth0', '10.0.0.1/24'))).code).toBe('denied')
        expect((await refused(add(macvlan({ master: 'br0' })))).code).toBe('denied')
        expect(world.facts('')).toEqual(before)
      })
    })

    describe('holds what is a host’s and routers’ own', () => {
      const ROUTER = 'weft-r-0123456789ab'
      const shim = () => macvlan({ name: 'wfs1', forwarding: false, strictArp: true })

      it('makes a shim that routes for nobody and answers for itself alone, and repairs both', async () => {
        await held(add(shim()), address('', 'wfs1', '10.64.0.9/32'), route('', 'wfs1', '10.64.0.2/32'))
        const seen = await observe()
        expect(linkNamed(seen, '', 'wfs1')).toMatchObject({ forwarding: false, strictArp: true, up: true })
        expect(seen.routes).toEqual([{ netns: '', link: 'wfs1', destination: '10.64.0.2/32', owned: true }])
        // iproute2 leaves the length of a single address out.
        expect(world.facts('').map((line) => line.replace('/32 -', ' -'))).toContain('route 10.64.0.2 - wfs1')
        await held(setLink('', 'wfs1', { forwarding: true, strictArp: false }))
        expect(linkNamed(await observe(), '', 'wfs1')).toMatchObject({ forwarding: true, strictArp: false })
        await held(setLink('', 'wfs1', { forwarding: false, strictArp: true }))
        expect(linkNamed(await observe(), '', 'wfs1')).toMatchObject({ forwarding: false, strictArp: true })
        const [told] = (await observe()).routes
        if (told === undefined) throw new Error('no route')
        await held({ op: 'route-delete', route: told })
        expect((await observe()).routes).toEqual([])
      })

      it('makes a router’s namespace with legs of both kinds, again without harm, and removes it with all in it', async () => {
        const namespace = { netns: ROUTER, forwarding: true }
        const leg = { netns: ROUTER, name: 'wfl1' }
        await held({ op: 'netns-add', namespace }, { op: 'netns-add', namespace })
        await held(
          add(bridge()),
          add(veth({ master: 'wfb1', peer: leg })),
          add(macvlan({ netns: ROUTER, name: 'wfl2', forwarding: true, strictArp: true, ipv6: true })),
          setLink(ROUTER, 'wfl1', { forwarding: true, strictArp: true, ipv6: true, up: true }),
          address(ROUTER, 'wfl1', '10.64.0.1/24'),
          address(ROUTER, 'wfl1', 'fd64::1/64'),
        )
        const seen = await observe()
        expect(seen.namespaces).toEqual([namespace])
        for (const name of ['wfl1', 'wfl2']) {
          expect(linkNamed(seen, ROUTER, name)).toMatchObject({
            forwarding: true,
            strictArp: true,
            owned: true,
            ipv6: true,
          })
        }
        expect(linkNamed(seen, ROUTER, 'wfl2')).toMatchObject({ parent: { netns: '', name: 'eth0' } })
        expect(world.facts(ROUTER)).toContain('address wfl1 10.64.0.1/24')
        await held({ op: 'netns-delete', netns: ROUTER }, { op: 'netns-delete', netns: ROUTER })
        expect((await observe()).namespaces).toEqual([])
      })

      it('makes no namespace but a router’s', async () => {
        const op: Op = { op: 'netns-add', namespace: { netns: 'weft-other', forwarding: true } }
        expect((await refused(op)).code).toBe('invalid')
        expect((await refused({ op: 'netns-delete', netns: '../weft' })).code).toBe('invalid')
      })
    })

    describe('keeps entries', () => {
      it('sets addresses and routes in a sandbox, again without harm, and removes them likewise', async () => {
        const sandbox = world.makeSandbox()
        await held(
          add(veth({ peer: { netns: sandbox, name: 'eth0' } })),
          setLink(sandbox, 'eth0', { up: true, ipv6: true }),
        )
        const entries = [
          address(sandbox, 'eth0', '10.64.0.2/24'),
          address(sandbox, 'eth0', 'fd00::2/64'),
          route(sandbox, 'eth0', '0.0.0.0/0', '10.64.0.1'),
          route(sandbox, 'eth0', '::/0', 'fd00::1'),
          route(sandbox, 'eth0', '10.9.0.0/16'),
        ]
        await held(...entries, ...entries)
        expect(world.facts(sandbox)).toEqual(
          expect.arrayContaining([
            'address eth0 10.64.0.2/24',
            'address eth0 fd00::2/64',
            'route 0.0.0.0/0 10.64.0.1 eth0',
            'route ::/0 fd00::1 eth0',
            'route 10.9.0.0/16 - eth0',
          ]),
        )
        const { addresses, routes } = await observe(sandbox)
        expect(addresses.map((entry) => entry.address).sort()).toEqual(['10.64.0.2/24', 'fd00::2/64'])
        expect(routes.map((entry) => entry.destination).sort()).toEqual(['0.0.0.0/0', '10.9.0.0/16', '::/0'])
        const removals = entries.map((op): Op => {
          if (op.op === 'address-add') return { op: 'address-delete', address: op.address }
          if (op.op === 'route-set') return { op: 'route-delete', route: op.route }
          throw new Error(op.op)
        })
        await held(...removals.reverse(), ...removals)
        expect(world.facts(sandbox).filter((line) => /^(address|route)/.test(line))).toEqual([])
      })

      it('replaces the route to a destination', async () => {
        const sandbox = world.makeSandbox()
        await held(
          add(veth({ peer: { netns: sandbox, name: 'eth0' } })),
          setLink(sandbox, 'eth0', { up: true }),
          address(sandbox, 'eth0', '10.64.0.2/24'),
          route(sandbox, 'eth0', '0.0.0.0/0', '10.64.0.1'),
          route(sandbox, 'eth0', '0.0.0.0/0', '10.64.0.254'),
        )
        expect((await observe(sandbox)).routes).toEqual([
          { netns: sandbox, link: 'eth0', destination: '0.0.0.0/0', via: '10.64.0.254', owned: true },
        ])
      })

      it('sets FDB entries and neighbours, replaces them, and removes them', async () => {
        await held(add(bridge()), add(vxlan({ master: 'wfb1' })), add(veth({ master: 'wfb1' })))
        const entries = [
          fdb('wfx1', '02:00:00:00:09:01', PEER),
          fdb('wfx1', '00:00:00:00:00:00', PEER),
          fdb('wfx1', '00:00:00:00:00:00', '192.168.77.3'),
          fdb('wfp1', '02:00:00:00:01:03'),
          neighbour('wfx1', '10.64.0.3', '02:00:00:00:09:01'),
        ]
        await held(...entries, ...entries)
        expect(world.facts(FABRIC)).toEqual(
          expect.arrayContaining([
            `fdb wfx1 02:00:00:00:09:01 ${PEER}`,
            `fdb wfx1 00:00:00:00:00:00 ${PEER}`,
            'fdb wfx1 00:00:00:00:00:00 192.168.77.3',
            'fdb wfp1 02:00:00:00:01:03 master',
            'neighbour wfx1 10.64.0.3 02:00:00:00:09:01',
          ]),
        )
        await held(
          fdb('wfx1', '02:00:00:00:09:01', '192.168.77.3'),
          neighbour('wfx1', '10.64.0.3', '02:00:00:00:09:09'),
        )
        const state = await observe()
        expect(state.fdb).toHaveLength(4)
        expect(state.fdb).toContainEqual(fdbEntry('wfx1', '02:00:00:00:09:01', '192.168.77.3'))
        expect(state.neighbours).toEqual([{ netns: FABRIC, link: 'wfx1', ip: '10.64.0.3', mac: '02:00:00:00:09:09' }])
        const removals: Op[] = [
          ...state.fdb.map((entry) => ({ op: 'fdb-delete', entry }) as const),
          ...state.neighbours.map((entry) => ({ op: 'neighbour-delete', neighbour: entry }) as const),
        ]
        await held(...removals, ...removals)
        expect(world.facts(FABRIC).filter((line) => /^(fdb|neighbour)/.test(line))).toEqual([])
      })

      it('holds IPv6 neighbours where IPv6 is on, without a link-local address', async () => {
        await held(add(vxlan({ ipv6: true })), neighbour('wfx1', 'fd00::3', '02:00:00:00:09:01'))
        expect(world.facts(FABRIC)).toContain('neighbour wfx1 fd00::3 02:00:00:00:09:01')
        expect(world.facts(FABRIC).filter((line) => line.startsWith('address'))).toEqual([])
        expect((await observe()).neighbours).toHaveLength(1)
      })

      it('keeps neighbours when the MAC is set to what it is', async () => {
        const mac = '02:00:00:00:00:02'
        await held(
          add(vxlan({ mac })),
          neighbour('wfx1', '10.64.0.3', '02:00:00:00:09:01'),
          setLink(FABRIC, 'wfx1', { mac }),
        )
        expect((await observe()).neighbours).toHaveLength(1)
        await held(setLink(FABRIC, 'wfx1', { mac: '02:00:00:00:00:05' }))
        expect((await observe()).neighbours).toEqual([])
      })

      it('refuses entries that have no place', async () => {
        const sandbox = world.makeSandbox()
        await held(add(vxlan()), add(veth({ peer: { netns: sandbox, name: 'eth0' } })))
        await held(setLink(sandbox, 'eth0', { ipv6: false }))
        const code = async (op: Op) => (await refused(op)).code
        expect(await code(address(sandbox, 'eth0', 'fd00::2/64'))).toBe('denied')
        expect(await code(address(sandbox, 'eth0', '010.0.0.1/24'))).toBe('invalid')
        expect(await code(address(sandbox, 'eth9', '10.0.0.1/24'))).toBe('not_found')
        expect(await code(route(sandbox, 'eth0', '10.9.0.0/16'))).toBe('unavailable')
        expect(await code(neighbour('wfx1', 'fd00::3', '02:00:00:00:09:01'))).toBe('invalid')
        expect(await code(fdb('wfx9', '02:00:00:00:09:01', PEER))).toBe('not_found')
        expect(await code(fdb('wfx1', '02:00:00:00:09:01', 'fd77::2'))).toBe('unsupported')
        expect(await code(fdb('wfp1', '02:00:00:00:09:01', PEER))).toBe('unsupported')
        expect(await code(fdb('wfp1', '02:00:00:00:09:01'))).toBe('unsupported')
        await held(setLink(sandbox, 'eth0', { up: true }), address(sandbox, 'eth0', '10.64.0.2/24'))
        expect(await code(route(sandbox, 'eth0', '0.0.0.0/0', '10.65.0.1'))).toBe('unavailable')
      })

      it('loses routes, neighbours and IPv6 addresses of a link that goes down', async () => {
        const sandbox = world.makeSandbox()
        await held(
          add(veth({ peer: { netns: sandbox, name: 'eth0' } })),
          setLink(sandbox, 'eth0', { up: true, ipv6: true }),
          address(sandbox, 'eth0', '10.64.0.2/24'),
          address(sandbox, 'eth0', 'fd00::2/64'),
          route(sandbox, 'eth0', '0.0.0.0/0', '10.64.0.1'),
          setLink(sandbox, 'eth0', { up: false }),
        )
        const { addresses, routes } = await observe(sandbox)
        expect(addresses.map((entry) => entry.address)).toEqual(['10.64.0.2/24'])
        expect(routes).toEqual([])
      })

      it('goes on after a failure and names each that failed, in order', async () => {
        const ops = [
          fdb('wfx9', '02:00:00:00:09:01', PEER),
          add(vxlan()),
          fdb('wfx1', '02:00:00:00:09:01', PEER),
          fdb('wfx1', '02:00:00:00:09:02', 'fd77::2'),
          fdb('wfx1', '02:00:00:00:09:03', PEER),
          remove('', 'eth0'),
        ]
        const failures = await apply(...ops)
        expect(failures.map(({ op }) => ops.indexOf(op))).toEqual([0, 3, 5])
        expect((await observe()).fdb.map((entry) => entry.mac).sort()).toEqual([
          '02:00:00:00:09:01',
          '02:00:00:00:09:03',
        ])
      })
    })

    describe('keeps nft tables', () => {
      const table = (more: Partial<NftTable> = {}): NftTable => ({
        netns: '',
        family: 'inet',
        name: 'weft_one',
        sets: [{ kind: 'set', name: 'peers', of: 'type ipv4_addr', elements: [VTEP, PEER] }],
        chains: [
          { name: 'judge', rules: ['ip saddr @peers counter accept', 'counter drop'] },
          {
            name: 'in',
            hook: { type: 'filter', at: 'prerouting', priority: -300 },
            rules: ['iifname "none" jump judge'],
          },
        ],
        ...more,
      })
      const setTable = (each: NftTable): Op => ({ op: 'nft-table-set', table: each })
      const deleteTable = ({ netns, family, name }: NftTable): Op => ({
        op: 'nft-table-delete',
        table: { netns, family, name },
      })
      const told = async (...sandboxes: string[]) => (await observe(...sandboxes)).nftTables
      const port = (device: string, more: Partial<NftTable> = {}) =>
        table({
          family: 'netdev',
          name: 'weft_port',
          chains: [{ name: 'in', hook: { type: 'filter', at: 'ingress', priority: 0, device }, rules: ['accept'] }],
          ...more,
        })

      it('sets, replaces and removes them, in every netns', async () => {
        const sandbox = world.makeSandbox()
        for (const netns of ['', FABRIC, sandbox]) {
          const [one, two] = [
            table({ netns }),
            table({ netns, name: 'weft_two', family: 'bridge', sets: [], chains: [] }),
          ]
          await held(setTable(one), setTable(two))
          expect((await told(sandbox)).filter((each) => each.netns === netns)).toEqual(
            expect.arrayContaining([one, two]),
          )
          expect(world.facts(netns)).toEqual(
            expect.arrayContaining([
              'table inet weft_one',
              `set weft_one peers ${VTEP},${PEER}`,
              'chain weft_one judge - 2',
              'chain weft_one in prerouting 1',
              'table bridge weft_two',
            ]),
          )
          const other = table({ netns, chains: [{ name: 'judge', rules: ['accept'] }] })
          await held(setTable(other), deleteTable(two), deleteTable(two))
          expect((await told(sandbox)).filter((each) => each.netns === netns)).toEqual([other])
          expect(world.facts(netns).filter((line) => /^(table|chain)/.test(line))).toEqual([
            'table inet weft_one',
            'chain weft_one judge - 1',
          ])
          await held(deleteTable(other))
          expect((await told(sandbox)).filter((each) => each.netns === netns)).toEqual([])
        }
      })

      it('tells of a map and of what hooks into a link', async () => {
        await held(add(bridge()))
        const verdicts: NftSet = {
          kind: 'map',
          name: 'verdicts',
          of: 'type ether_addr : verdict',
          elements: ['02:00:00:00:00:01 : accept'],
        }
        const guard = port('wfb1', { netns: FABRIC, sets: [verdicts] })
        await held(setTable(guard))
        expect(await told()).toEqual([guard])
        expect(world.facts(FABRIC)).toContain('chain weft_port in ingress 1')
      })

      it('tells of an altered table without its content, and sets it again', async () => {
        await held(setTable(table()), setTable(table({ name: 'weft_two' })))
        expect(await told()).toHaveLength(2)
        world.alterTable('', table(), 'judge')
        expect(await told()).toEqual(
          expect.arrayContaining([table({ sets: [], chains: [] }), table({ name: 'weft_two' })]),
        )
        await held(setTable(table()))
        expect(world.facts('')).toContain('chain weft_one judge - 2')
        expect(await told()).toEqual(expect.arrayContaining([table(), table({ name: 'weft_two' })]))
      })

      it('neither tells of nor touches a table that is not ours', async () => {
        world.setForeignTable('', 'weft_one')
        expect(await told()).toEqual([])
        expect((await refused(setTable(table()))).code).toBe('denied')
        expect((await refused(deleteTable(table()))).code).toBe('denied')
        expect(world.facts('').filter((line) => /^(table|chain)/.test(line))).toEqual(['table inet weft_one'])
      })

      it('refuses what no statement can be, and keeps the table', async () => {
        await held(setTable(table()))
        for (const wrong of [
          { sets: [{ kind: 'set', name: 'peers', of: 'type ipv4_addr', elements: [`${PEER} }; flush ruleset`] }] },
          { chains: [{ name: 'a b', rules: [] }] },
          { chains: [{ name: 'in', rules: ['accept # or not'] }] },
          { name: 'filter' },
        ] as Partial<NftTable>[]) {
          expect((await refused(setTable(table(wrong)))).code, JSON.stringify(wrong)).toBe('invalid')
        }
        expect(await told()).toEqual([table()])
      })

      it('carries out the others when one cannot be', async () => {
        const wrong = setTable(table({ name: 'weft_two', chains: [{ name: 'a b', rules: [] }] }))
        const failures = await apply(setTable(table()), wrong, setTable(table({ name: 'weft_three' })))
        expect(failures.map(({ op }) => op)).toEqual([wrong])
        expect((await told()).map(({ name: each }) => each).sort()).toEqual(['weft_one', 'weft_three'])
      })

      it('takes one of a sandbox that is gone for removed, and sets none there', async () => {
        const sandbox = world.makeSandbox()
        await held(setTable(table({ netns: sandbox })))
        world.removeSandbox(sandbox)
        expect(await told(sandbox)).toEqual([])
        await held(deleteTable(table({ netns: sandbox })))
        expect((await refused(setTable(table({ netns: sandbox })))).code).toBe('not_found')
      })
    })

    describe('rings', () => {
      /** Counts rings until asked to stop. */
      async function listen() {
        const stop = new AbortController()
        let rings = 0
        const ended = (async () => {
          for await (const _ of world.kernel.changes(stop.signal)) rings++
        })()
        await expect.poll(() => rings, { timeout: 5000 }).toBeGreaterThan(0)
        await settled(() => rings)
        return {
          rings: () => rings,
          stop: async () => {
            stop.abort()
            await ended
          },
        }
      }

      it('rings within a second when a link in a sandbox, a port or a NIC goes, and ends when told', async () => {
        const sandbox = world.makeSandbox()
        const other = world.makeSandbox()
        await held(
          add(bridge()),
          add(veth({ master: 'wfb1' })),
          add(macvlan({ netns: sandbox, name: 'eth0' })),
          add(veth({ name: 'wfp2', peer: { netns: other, name: 'eth0' } })),
        )
        await observe(sandbox, other)
        const bell = await listen()
        for (const [netns, name] of [
          [sandbox, 'eth0'],
          [other, 'eth0'],
          [FABRIC, 'wfp1'],
          ['', 'eth0'],
        ] as const) {
          const before = bell.rings()
          world.removeByHand(netns, name)
          await expect.poll(bell.rings, { timeout: 1000, interval: 10 }).toBeGreaterThan(before)
          await settled(bell.rings)
        }
        await bell.stop()
      })
    })
  })
}

/** Waits until the number has not moved for a while: rings of one change come in a burst. */
async function settled(value: () => number): Promise<void> {
  for (let last = -1, quiet = 0; quiet < 4; ) {
    quiet = value() === last ? quiet + 1 : 0
    last = value()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
