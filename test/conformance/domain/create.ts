/** T6: networks that may be, that may not, and races between them. */
import { describe, expect, it } from 'vitest'
import { createNetwork, setUplink } from '../../../controller/src/domain/index.ts'
import { claim, type DomainStage, failure, join, networkRequest, newRequest, on } from './world.ts'

export function createConformance(at: DomainStage): void {
  describe('create', () => {
    it('settles subnet, gateway, VNI, MTU and egress', async () => {
      const view = await at.create('front')
      expect(view).toMatchObject({
        name: 'front',
        driver: 'overlay',
        vni: 0x10_0000,
        mtu: 1450,
        egress: 'docker',
        endpoints: 0,
        warnings: [],
        subnets: [{ cidr: '10.64.0.0/24', gateway: '10.64.0.1', usable: '253', used: 0, reserved: 3 }],
      })
      expect(await at.create('back')).toMatchObject({ vni: 0x10_0001, subnets: [{ cidr: '10.64.1.0/24' }] })
    })

    it('makes a ULA subnet for IPv6, the same for the whole cluster', async () => {
      const view = await at.create('dual', { ipv6: true })
      expect(view.subnets).toHaveLength(2)
      expect(view.subnets[1]?.cidr).toMatch(/^fd[0-9a-f:]+::\/64$/)
      expect(view.subnets[1]?.usable).toBe(String((1n << 64n) - 2n))
    })

    it('changes nothing on a dry run', async () => {
      const before = await at.deps.kv.list('/weft/v1/')
      const view = await at.create('front', { dryRun: true, ...on('10.9.0.0/24') })
      expect(view).toMatchObject({ name: 'front', revision: 0, subnets: [{ cidr: '10.9.0.0/24', usable: '253' }] })
      expect((await at.deps.kv.list('/weft/v1/')).entries).toEqual(before.entries)
    })

    it('answers a repeated request with the network of the first, and refuses another wish under its id', async () => {
      const request = networkRequest('front')
      const first = await createNetwork(at.deps, request, 'local')
      expect(await createNetwork(at.deps, request, 'local')).toEqual(first)
      const error = await failure(createNetwork(at.deps, { ...request, name: 'back' }, 'local'))
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('made network front') })
    })

    it('lets exactly one of 20 overlapping creates win', async () => {
      const other = await at.world.another()
      const answers = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) =>
          createNetwork(
            n % 2 === 0 ? at.deps : other,
            networkRequest(`net${n}`, on(`10.20.${n}.0/16`.replace(/\.\d+\.0\//, '.0.0/'))),
            'local',
          ),
        ),
      )
      const won = answers.filter(({ status }) => status === 'fulfilled')
      expect(won).toHaveLength(1)
      for (const answer of answers) {
        if (answer.status === 'rejected')
          expect(answer.reason).toMatchObject({
            code: 'conflict',
            message: expect.stringMatching(/10\.20\.0\.0\/16 of network net\d+/),
          })
      }
    })

    it('gives racing creates without a subnet one each', async () => {
      const views = await Promise.all(Array.from({ length: 12 }, (_, n) => at.create(`net${n}`)))
      expect(new Set(views.map(({ subnets }) => subnets[0]?.cidr)).size).toBe(12)
      expect(new Set(views.map(({ vni }) => vni)).size).toBe(12)
    })

    it('takes the LAN of the parent for a macvlan, and warns of hosts that lack the parent', async () => {
      await join(at.deps, 3, { interfaces: [], routes: [] })
      const view = await at.create('lan', {
        driver: 'macvlan',
        options: { parent: 'eth0' },
        subnets: [{ subnet: '192.168.77.0/24', gateway: '192.168.77.254', ipRange: '192.168.77.0/28' }],
      })
      expect(view.warnings).toEqual([expect.stringContaining('docker3 has no eth0')])
      expect(view.egress).toBe('gateway')
      // The hosts' own addresses are nobody else's.
      expect((await claim(at.deps, at.one, view)).addresses).toEqual(['192.168.77.3'])
      const error = await failure(claim(at.deps, at.one, view, { address: '192.168.77.2' }))
      expect(error.message).toContain('host docker2 has it on eth0')
    })

    it('lets several macvlan networks share a parent', async () => {
      await at.create('a', { driver: 'macvlan', options: { parent: 'eth0.10' }, ...on('10.1.0.0/24') })
      await at.create('b', { driver: 'macvlan', options: { parent: 'eth0.10' }, ...on('10.2.0.0/24') })
    })

    const ipvlan = (name: string, parent: string, more: Record<string, string>, subnet: string) =>
      at.create(name, { driver: 'ipvlan', options: { parent, ...more }, ...on(subnet) })

    it('keeps macvlan and ipvlan, and ipvlans of two modes, off one parent', async () => {
      await at.create('mac', { driver: 'macvlan', options: { parent: 'eth0.10' }, ...on('10.1.0.0/24') })
      expect(await failure(ipvlan('a', 'eth0.10', {}, '10.2.0.0/24'))).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(
          /eth0\.10: network mac has eth0\.10 for macvlan.*ipvlan l2 bridge beside it; use/,
        ),
      })
      await ipvlan('b', 'eth0.11', {}, '10.3.0.0/24')
      await ipvlan('c', 'eth0.11', { mode: 'l2', flag: 'bridge' }, '10.4.0.0/24')
      for (const more of [{ mode: 'l3' }, { flag: 'private' }]) {
        const error = await failure(ipvlan('d', 'eth0.11', more, '10.5.0.0/24'))
        expect(error.message).toContain('network b has eth0.11 for ipvlan l2 bridge')
      }
      await ipvlan('e', 'eth0.12', { mode: 'l3' }, '10.6.0.0/24')
    })

    it('sees through logical uplinks that two networks have one parent', async () => {
      await setUplink(at.deps, { name: 'lan', host: 'docker2', interface: 'eth0', req: newRequest() }, 'local')
      await at.create('mac', { driver: 'macvlan', options: { parent: 'eth0.10' }, ...on('10.1.0.0/24') })
      const error = await failure(ipvlan('a', '@lan.10', {}, '10.2.0.0/24'))
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('eth0.10 of docker2') })
      await ipvlan('b', '@lan.20', {}, '10.2.0.0/24')
    })

    it('takes the smallest underlay for the MTU, and names it when more is asked', async () => {
      await join(at.deps, 3, { underlay: { interface: 'eth0', address: '192.168.77.3', mtu: 1400 } })
      expect((await at.create('front')).mtu).toBe(1350)
      const error = await failure(at.create('back', { options: { mtu: '1450' } }))
      expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('docker3') })
    })

    it('resolves a logical uplink', async () => {
      const wish = { driver: 'macvlan', options: { parent: '@lan' }, ...on('10.1.0.0/24') }
      expect((await failure(at.create('lan', wish))).message).toContain('weft uplink set lan')
      await setUplink(at.deps, { name: 'lan', host: 'docker1', interface: 'eth0', req: newRequest() }, 'local')
      expect((await at.create('lan', wish)).warnings).toEqual([expect.stringContaining('docker2')])
    })

    const bad: [string, Parameters<typeof networkRequest>[1], string, RegExp][] = [
      ['unknown driver', { driver: 'overlai' }, 'invalid', /overlai.*did you mean overlay/],
      ['unknown option', { options: { vnii: '5' } }, 'invalid', /vnii.*did you mean vni/],
      ['option injection', { driver: 'macvlan', options: { parent: '--help' } }, 'invalid', /--help/],
      ['parent nobody has', { driver: 'macvlan', options: { parent: 'br' } }, 'invalid', /docker1 has eth0, docker0/],
      ['VLAN 0', { driver: 'macvlan', options: { parent: 'eth0.0' } }, 'invalid', /VLAN/],
      ['VLAN 4095', { driver: 'macvlan', options: { parent: 'eth0.4095' } }, 'invalid', /VLAN/],
      ['16-byte interface', { driver: 'macvlan', options: { parent: 'abcdefghijklmnop' } }, 'invalid', /15/],
      [
        'gateway outside',
        { subnets: [{ subnet: '10.1.0.0/24', gateway: '10.2.0.1' }] },
        'invalid',
        /10\.2\.0\.1.*10\.1\.0\.0\/24/,
      ],
      [
        'gateway of the other family',
        { subnets: [{ subnet: '10.1.0.0/24', gateway: 'fd00::1' }] },
        'invalid',
        /fd00::1/,
      ],
      [
        'gateway is network',
        { subnets: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.0' }] },
        'invalid',
        /network address/,
      ],
      ['gateway is broadcast', { subnets: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.255' }] }, 'invalid', /broadcast/],
      ['gateway is anycast', { subnets: [{ subnet: 'fd00:5::/64', gateway: 'fd00:5::' }] }, 'invalid', /anycast/],
      ['range outside', { subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.2.0.0/25' }] }, 'invalid', /10\.2\.0\.0\/25/],
      ['range wider', { subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.1.0.0/16' }] }, 'invalid', /outside/],
      ['aux outside', { ...on('10.1.0.0/24'), auxAddresses: { r: '10.3.0.1' } }, 'invalid', /"r".*10\.3\.0\.1/],
      ['aux twice', { ...on('10.1.0.0/24'), auxAddresses: { r: '10.1.0.9', s: '10.1.0.9' } }, 'invalid', /"r" and "s"/],
      [
        'aux is gateway',
        { subnets: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.9' }], auxAddresses: { r: '10.1.0.9' } },
        'invalid',
        /"r"/,
      ],
      [
        'overlap in one request',
        { subnets: [{ subnet: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' }] },
        'invalid',
        /10\.1\.2\.0\/24.*10\.1\.0\.0\/16/,
      ],
      ['a /31', on('10.1.0.0/31'), 'invalid', /1 to 30/],
      ['a /0', on('0.0.0.0/0'), 'invalid', /internet/],
      ['a /127', on('fd00::/127'), 'invalid', /1 to 126/],
      ['loopback', on('127.3.0.0/24'), 'invalid', /loopback/],
      ['multicast', on('224.0.0.0/24'), 'invalid', /multicast/],
      ['link-local', on('fe80::/64'), 'invalid', /link-local/],
      ['a route of a host', on('172.17.4.0/24'), 'conflict', /172\.17\.0\.0\/16 of host docker1/],
      ['MTU above the underlay', { options: { mtu: '1451' } }, 'invalid', /eth0 of host docker1 carries 1500/],
      ['MTU that is none', { options: { mtu: 'big' } }, 'invalid', /mtu=big/],
      [
        'too many aux',
        {
          ...on('10.1.0.0/16'),
          auxAddresses: Object.fromEntries(Array.from({ length: 41 }, (_, n) => [`a${n}`, `10.1.3.${n + 1}`])),
        },
        'invalid',
        /41/,
      ],
    ]
    it.each(bad)('refuses %s and changes nothing', async (_, changes, code, message) => {
      const before = await at.deps.kv.list('/weft/v1/')
      expect(await failure(at.create('front', changes))).toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
      expect((await at.deps.kv.list('/weft/v1/')).entries).toEqual(before.entries)
    })

    it('refuses a name, a VNI and a subnet that another network has, by its name', async () => {
      await at.create('front', { ...on('10.1.0.0/24'), options: { vni: '5000' } })
      expect(await failure(at.create('front'))).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('front'),
      })
      const vni = await failure(at.create('back', { options: { vni: '5000' } }))
      expect(vni).toMatchObject({ code: 'conflict', message: expect.stringContaining('network front has it') })
      const subnet = await failure(at.create('back', on('10.0.0.0/8')))
      expect(subnet).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('10.1.0.0/24 of network front'),
      })
    })
  })
}
