/**
 * What the domain promises, on any store: run on the model (unit) and on real etcd (integration).
 */
import { digestOfMap, type NetworkView, WeftError } from '@weft/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  affectedHosts,
  bindEndpoint,
  type ClusterView,
  compileHost,
  createNetwork,
  type DomainDeps,
  joinHost,
  newSweepMemory,
  openClusterCache,
  recordFacts,
  refreshAlive,
  releaseEndpoints,
  removeNetwork,
  reportEndpoints,
  setUplink,
  sweep,
} from '../../controller/src/domain/index.ts'
import { keys } from '../../controller/src/domain/pure/keys.ts'
import {
  claim,
  type DomainWorld,
  factsOf,
  join,
  networkRequest,
  newRequest,
  openDomainWorld,
  type StoreWorld,
  type TestHost,
} from './domain-world.ts'

/** The error of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<WeftError> {
  const outcome = await call.then(
    (value) => new Error(`no error but ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (outcome instanceof WeftError) return outcome
  throw outcome
}

export function domainConformance(name: string, open: () => Promise<StoreWorld>): void {
  describe(`domain on ${name}`, () => {
    let world: DomainWorld
    let deps: DomainDeps
    let one: TestHost
    let two: TestHost

    beforeEach(async () => {
      world = await openDomainWorld(open)
      deps = world.deps
      one = await join(deps, 1)
      two = await join(deps, 2)
    })
    afterEach(async () => {
      await checkInvariants(deps)
      await world.close()
    })

    const create = (network: string, changes: Parameters<typeof networkRequest>[1] = {}) =>
      createNetwork(deps, networkRequest(network, changes))
    const on = (subnet: string) => ({ subnets: [{ subnet }] })

    describe('create', () => {
      it('settles subnet, gateway, VNI, MTU and egress', async () => {
        const view = await create('front')
        expect(view).toMatchObject({
          name: 'front',
          driver: 'overlay',
          vni: 4096,
          mtu: 1450,
          egress: 'docker',
          endpoints: 0,
          warnings: [],
          subnets: [{ cidr: '10.64.0.0/24', gateway: '10.64.0.1', usable: '253', used: 0, reserved: 3 }],
        })
        expect(await create('back')).toMatchObject({ vni: 4097, subnets: [{ cidr: '10.64.1.0/24' }] })
      })

      it('makes a ULA subnet for IPv6, the same for the whole cluster', async () => {
        const view = await create('dual', { ipv6: true })
        expect(view.subnets).toHaveLength(2)
        expect(view.subnets[1]?.cidr).toMatch(/^fd[0-9a-f:]+::\/64$/)
        expect(view.subnets[1]?.usable).toBe(String((1n << 64n) - 2n))
      })

      it('changes nothing on a dry run', async () => {
        const before = await deps.kv.list('/weft/v1/')
        const view = await create('front', { dryRun: true, ...on('10.9.0.0/24') })
        expect(view).toMatchObject({ name: 'front', revision: 0, subnets: [{ cidr: '10.9.0.0/24', usable: '253' }] })
        expect((await deps.kv.list('/weft/v1/')).entries).toEqual(before.entries)
      })

      it('answers a repeated request with the network of the first, and refuses another wish under its id', async () => {
        const request = networkRequest('front')
        const first = await createNetwork(deps, request)
        expect(await createNetwork(deps, request)).toEqual(first)
        const error = await failure(createNetwork(deps, { ...request, name: 'back' }))
        expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('made network front') })
      })

      it('lets exactly one of 20 overlapping creates win', async () => {
        const other = await world.another()
        const answers = await Promise.allSettled(
          Array.from({ length: 20 }, (_, n) =>
            createNetwork(
              n % 2 === 0 ? deps : other,
              networkRequest(`net${n}`, on(`10.20.${n}.0/16`.replace(/\.\d+\.0\//, '.0.0/'))),
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
        const views = await Promise.all(Array.from({ length: 12 }, (_, n) => create(`net${n}`)))
        expect(new Set(views.map(({ subnets }) => subnets[0]?.cidr)).size).toBe(12)
        expect(new Set(views.map(({ vni }) => vni)).size).toBe(12)
      })

      it('takes the LAN of the parent for a macvlan, and warns of hosts that lack the parent', async () => {
        await join(deps, 3, { interfaces: [], routes: [] })
        const view = await create('lan', {
          driver: 'macvlan',
          options: { parent: 'eth0' },
          subnets: [{ subnet: '192.168.77.0/24', gateway: '192.168.77.254', ipRange: '192.168.77.0/28' }],
        })
        expect(view.warnings).toEqual([expect.stringContaining('docker3 has no eth0')])
        expect(view.egress).toBe('gateway')
        // The hosts' own addresses are nobody else's.
        expect((await claim(deps, one, view)).addresses).toEqual(['192.168.77.3'])
        const error = await failure(claim(deps, one, view, { address: '192.168.77.2' }))
        expect(error.message).toContain('host docker2 has it on eth0')
      })

      it('lets several macvlan networks share a parent', async () => {
        await create('a', { driver: 'macvlan', options: { parent: 'eth0.10' }, ...on('10.1.0.0/24') })
        await create('b', { driver: 'macvlan', options: { parent: 'eth0.10' }, ...on('10.2.0.0/24') })
      })

      it('takes the smallest underlay for the MTU, and names it when more is asked', async () => {
        await join(deps, 3, { underlay: { interface: 'eth0', address: '192.168.77.3', mtu: 1400 } })
        expect((await create('front')).mtu).toBe(1350)
        const error = await failure(create('back', { options: { mtu: '1450' } }))
        expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('docker3') })
      })

      it('resolves a logical uplink', async () => {
        const wish = { driver: 'macvlan', options: { parent: '@lan' }, ...on('10.1.0.0/24') }
        expect((await failure(create('lan', wish))).message).toContain('weft uplink set lan')
        await setUplink(deps, { name: 'lan', host: 'docker1', interface: 'eth0', req: newRequest() })
        expect((await create('lan', wish)).warnings).toEqual([expect.stringContaining('docker2')])
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
        [
          'gateway is broadcast',
          { subnets: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.255' }] },
          'invalid',
          /broadcast/,
        ],
        ['gateway is anycast', { subnets: [{ subnet: 'fd00:5::/64', gateway: 'fd00:5::' }] }, 'invalid', /anycast/],
        [
          'range outside',
          { subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.2.0.0/25' }] },
          'invalid',
          /10\.2\.0\.0\/25/,
        ],
        ['range wider', { subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.1.0.0/16' }] }, 'invalid', /outside/],
        ['aux outside', { ...on('10.1.0.0/24'), auxAddresses: { r: '10.3.0.1' } }, 'invalid', /"r".*10\.3\.0\.1/],
        [
          'aux twice',
          { ...on('10.1.0.0/24'), auxAddresses: { r: '10.1.0.9', s: '10.1.0.9' } },
          'invalid',
          /"r" and "s"/,
        ],
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
        const before = await deps.kv.list('/weft/v1/')
        expect(await failure(create('front', changes))).toMatchObject({ code, message: expect.stringMatching(message) })
        expect((await deps.kv.list('/weft/v1/')).entries).toEqual(before.entries)
      })

      it('refuses a name, a VNI and a subnet that another network has, by its name', async () => {
        await create('front', { ...on('10.1.0.0/24'), options: { vni: '5000' } })
        expect(await failure(create('front'))).toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('front'),
        })
        const vni = await failure(create('back', { options: { vni: '5000' } }))
        expect(vni).toMatchObject({ code: 'conflict', message: expect.stringContaining('network front has it') })
        const subnet = await failure(create('back', on('10.0.0.0/8')))
        expect(subnet).toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('10.1.0.0/24 of network front'),
        })
      })
    })

    describe('claim', () => {
      it('gives ascending addresses, goes on after the last, and wraps', async () => {
        const network = await create('front', { subnets: [{ subnet: '10.1.0.0/29' }] })
        const first = await claim(deps, one, network)
        expect(first).toMatchObject({ host: 'docker1', addresses: ['10.1.0.2'], aliases: [] })
        const second = await claim(deps, two, network)
        expect(second.addresses).toEqual(['10.1.0.3'])
        await release(deps, one, first.uid)
        world.clock.advance(20_000)
        await endQuarantine(deps, world)
        expect((await claim(deps, one, network)).addresses).toEqual(['10.1.0.4'])
        expect((await claim(deps, one, network)).addresses).toEqual(['10.1.0.5'])
        expect((await claim(deps, one, network)).addresses).toEqual(['10.1.0.6'])
        expect((await claim(deps, one, network)).addresses).toEqual(['10.1.0.2'])
      })

      it('stays in the IP range, but lets one ask for an address outside of it', async () => {
        const network = await create('front', { subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.1.0.64/30' }] })
        const given = []
        for (let n = 0; n < 4; n++) given.push((await claim(deps, one, network)).addresses[0])
        expect(given).toEqual(['10.1.0.64', '10.1.0.65', '10.1.0.66', '10.1.0.67'])
        expect((await claim(deps, one, network, { address: '10.1.0.9' })).addresses).toEqual(['10.1.0.9'])
        expect(await failure(claim(deps, one, network))).toMatchObject({ code: 'exhausted' })
      })

      it('gives IPv6 addresses', async () => {
        const network = await create('dual', { ipv6: true, subnets: [{ subnet: 'fd00:9::/64' }] })
        const subnet = network.subnets[1]?.uid ?? ''
        expect((await claim(deps, one, network, { subnet })).addresses).toEqual(['fd00:9::2'])
        const far = await claim(deps, one, network, { subnet, address: 'fd00:9::ffff:ffff:ffff:fffe' })
        expect(far.addresses).toEqual(['fd00:9::ffff:ffff:ffff:fffe'])
        expect((await claim(deps, one, network, { subnet })).addresses).toEqual(['fd00:9::3'])
      })

      it('answers a repeated request with the same endpoint, at once and later, from any controller', async () => {
        const network = await create('front')
        const req = newRequest()
        const other = await world.another()
        const [a, b] = await Promise.all([claim(deps, one, network, { req }), claim(other, one, network, { req })])
        expect(b).toEqual(a)
        expect(await claim(deps, one, network, { req })).toEqual(a)
        const error = await failure(claim(deps, one, network, { req, address: '10.64.0.77' }))
        expect(error.message).toContain('request id was used for something else')
      })

      it('gives 64 concurrent claims of two controllers in a /26 no address twice, and names who exhausts it', async () => {
        const network = await create('small', on('10.1.0.0/26'))
        const other = await world.another()
        const answers = await Promise.allSettled(
          Array.from({ length: 64 }, (_, n) => claim(n % 2 === 0 ? deps : other, n % 3 === 0 ? one : two, network)),
        )
        const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.addresses : []))
        expect(given).toHaveLength(61)
        expect(new Set(given).size).toBe(61)
        const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as WeftError] : []))
        for (const error of errors) {
          expect(error.code).toBe('exhausted')
          expect(error.message).toMatch(
            /10\.1\.0\.0\/26 of network small.*of 64 addresses 61 are used, 3 reserved.*10\.1\.0\.2 endpoint .* on docker\d.*51 more/,
          )
        }
      })

      it('gives one of two claims for one address to one, and tells the other whose it is', async () => {
        const network = await create('front', on('10.1.0.0/24'))
        const other = await world.another()
        const answers = await Promise.allSettled([
          claim(deps, one, network, { address: '10.1.0.9' }),
          claim(other, two, network, { address: '10.1.0.9' }),
        ])
        const error = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as WeftError] : []))
        expect(error).toHaveLength(1)
        expect(error[0]).toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(/10\.1\.0\.9.*on docker\d has it since 2026/),
        })
      })

      it('names the container that has an asked-for address', async () => {
        const network = await create('front', on('10.1.0.0/24'))
        const holder = await claim(deps, one, network, { address: '10.1.0.9' })
        await report(deps, one, [{ uid: holder.uid, name: 'web', containerId: 'c0ffee123456789' }])
        const error = await failure(claim(deps, two, network, { address: '10.1.0.9' }))
        expect(error.message).toContain('container web (c0ffee123456) on docker1 has it since')
      })

      it.each([
        ['10.2.0.9', /outside the subnet 10\.1\.0\.0\/24/],
        ['10.1.0.0', /network address/],
        ['10.1.0.255', /broadcast address/],
        ['10.1.0.1', /gateway/],
        ['10.1.0.50', /auxiliary address "router"/],
        ['fd00::1', /outside/],
      ])('refuses to give %s', async (address, message) => {
        const network = await create('front', { ...on('10.1.0.0/24'), auxAddresses: { router: '10.1.0.50' } })
        const error = await failure(claim(deps, one, network, { address }))
        expect(error).toMatchObject({ code: 'invalid', message: expect.stringMatching(message) })
      })

      it('keeps MACs unique in a network, and names who has an asked-for one', async () => {
        const network = await create('front')
        const mac = '02:aa:00:00:00:01'
        await claim(deps, one, network, { mac })
        const error = await failure(claim(deps, two, network, { mac }))
        expect(error).toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(/02:aa:00:00:00:01.*on docker1 has it/),
        })
        const elsewhere = await create('back')
        expect((await claim(deps, two, elsewhere, { mac })).mac).toBe(mac)
      })

      it('derives another MAC when the derived one is taken', async () => {
        const network = await create('front')
        const wouldBe = (await claim(deps, one, network)).mac
        await release(deps, one, await uidOfMac(deps, wouldBe))
        await claim(deps, one, network, { mac: wouldBe, address: '10.64.0.99' })
        const again = await claim(deps, one, network, { address: '10.64.0.2' })
        expect(again.mac).not.toBe(wouldBe)
      })

      it('lets an explicit wish end a quarantine, and keeps choice away from it', async () => {
        const network = await create('tiny', on('10.1.0.0/30'))
        const only = await claim(deps, one, network)
        await release(deps, one, only.uid)
        const error = await failure(claim(deps, two, network))
        expect(error).toMatchObject({ code: 'exhausted', message: expect.stringContaining('1 in quarantine') })
        expect((await claim(deps, two, network, { address: '10.1.0.2' })).addresses).toEqual(only.addresses)
      })

      it('refuses an old epoch, another instance and a host that never joined', async () => {
        const network = await create('front')
        const old = { ...one, fence: { ...one.fence, epoch: one.fence.epoch - 1 } }
        expect(await failure(claim(deps, old, network))).toMatchObject({ code: 'denied' })
        const twin = { ...one, fence: { ...one.fence, instance: 'somebody-else' } }
        expect((await failure(claim(deps, twin, network))).message).toContain('instance instance-1 joined')
        expect(await failure(claim(deps, { ...one, host: 'docker9' }, network))).toMatchObject({ code: 'denied' })
      })

      it('refuses a network or subnet that is not', async () => {
        const network = await create('front')
        const gone = { ...network, uid: '0'.repeat(20) }
        expect(await failure(claim(deps, one, gone))).toMatchObject({ code: 'not_found' })
        expect(await failure(claim(deps, one, network, { subnet: '0'.repeat(20) }))).toMatchObject({
          code: 'not_found',
        })
      })
    })

    describe('bind, report, release', () => {
      it('makes one endpoint of two claims, once', async () => {
        const network = await create('dual', { ipv6: true })
        const four = await claim(deps, one, network)
        const six = await claim(deps, one, network, { subnet: network.subnets[1]?.uid ?? '' })
        const mac = '02:aa:00:00:00:02'
        const request = {
          ...one.fence,
          req: newRequest(),
          endpoint: four.uid,
          merge: [six.uid],
          mac,
          dockerEndpointId: 'd1',
        }
        const { endpoint } = await bindEndpoint(deps, 'docker1', request)
        expect(endpoint).toMatchObject({ uid: four.uid, mac, addresses: [...four.addresses, ...six.addresses] })
        const { revision } = await deps.cluster.newest()
        expect((await bindEndpoint(deps, 'docker1', request)).endpoint).toEqual(endpoint)
        expect((await deps.cluster.newest()).revision).toBe(revision)
        await release(deps, one, four.uid)
        expect((await deps.cluster.newest()).endpoints.size).toBe(0)
      })

      it('refuses a MAC that is taken, an absent endpoint and another host’s', async () => {
        const network = await create('front')
        const [a, b] = [await claim(deps, one, network), await claim(deps, two, network)]
        const request = { ...one.fence, req: newRequest(), endpoint: a.uid, merge: [], dockerEndpointId: 'd1' }
        const taken = await failure(bindEndpoint(deps, 'docker1', { ...request, mac: b.mac }))
        expect(taken).toMatchObject({ code: 'conflict', message: expect.stringContaining('on docker2 has it') })
        expect(await failure(bindEndpoint(deps, 'docker1', { ...request, endpoint: b.uid }))).toMatchObject({
          code: 'denied',
        })
        const absent = bindEndpoint(deps, 'docker1', { ...request, endpoint: '0'.repeat(20) })
        expect(await failure(absent)).toMatchObject({ code: 'not_found' })
      })

      it('writes reports down, only what they change, and says what it does not know', async () => {
        const network = await create('front')
        const { uid } = await claim(deps, one, network)
        const foreign = (await claim(deps, two, network)).uid
        const said = { uid, name: 'web', containerId: 'c1' }
        expect(await report(deps, one, [said, { uid: foreign }])).toEqual([foreign])
        const view = await deps.cluster.newest()
        expect(view.endpoints.get(uid)?.value).toMatchObject({ state: 'attached', name: 'web', containerId: 'c1' })
        expect(view.endpoints.get(foreign)?.value.state).toBe('pending')
        const { revision } = view
        await report(deps, one, [said])
        expect((await deps.cluster.newest()).revision).toBe(revision)
      })

      it('takes back what complete reports leave out, after the grace and in the same epoch only', async () => {
        const network = await create('front')
        const [kept, leaked] = [await claim(deps, one, network), await claim(deps, one, network)]
        await report(deps, one, [{ uid: kept.uid }], true)
        const memory = newSweepMemory()
        await deps.cluster.newest()
        expect(await sweep(deps, memory)).toEqual({ freed: 0, leaked: [] })
        world.clock.advance(14 * 60_000)
        expect(await sweep(deps, memory)).toEqual({ freed: 0, leaked: [] })
        await report(deps, one, [{ uid: leaked.uid }])
        world.clock.advance(14 * 60_000)
        await deps.cluster.newest()
        expect(await sweep(deps, memory)).toEqual({ freed: 0, leaked: [] })
        await report(deps, one, [{ uid: kept.uid }], true)
        await deps.cluster.newest()
        await sweep(deps, memory)
        world.clock.advance(15 * 60_000)
        expect(await sweep(deps, memory)).toEqual({ freed: 0, leaked: [leaked.uid] })
        expect([...(await deps.cluster.newest()).endpoints.keys()]).toEqual([kept.uid])
      })

      it('ends quarantines after their time', async () => {
        const network = await create('front')
        const { uid } = await claim(deps, one, network)
        await release(deps, one, uid)
        const memory = newSweepMemory()
        await deps.cluster.newest()
        expect((await sweep(deps, memory)).freed).toBe(0)
        world.clock.advance(9_000)
        expect((await sweep(deps, memory)).freed).toBe(0)
        world.clock.advance(1_000)
        expect((await sweep(deps, memory)).freed).toBe(1)
      })

      it('releases once, counts the absent as released, and not another host’s', async () => {
        const network = await create('front')
        const { uid } = await claim(deps, one, network)
        expect(await failure(release(deps, two, uid))).toMatchObject({ code: 'denied' })
        expect(await release(deps, one, uid)).toEqual([uid])
        expect(await release(deps, one, uid)).toEqual([uid])
      })
    })

    describe('remove', () => {
      it('is refused while endpoints exist, by their names, and leaves no key', async () => {
        const before = (await deps.kv.list('/weft/v1/')).entries.map(({ key }) => key)
        const network = await create('front', { ...on('10.1.0.0/24'), ipv6: true })
        const { uid } = await claim(deps, one, network)
        await report(deps, one, [{ uid, name: 'web', containerId: 'c1' }])
        const error = await failure(removeNetwork(deps, 'front', newRequest()))
        expect(error).toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('container web (c1) on docker1 at 10.1.0.2'),
        })
        await release(deps, one, uid)
        expect(await removeNetwork(deps, network.uid.slice(0, 8), newRequest())).toMatchObject({
          name: 'front',
          uid: network.uid,
        })
        const after = (await deps.kv.list('/weft/v1/')).entries.map(({ key }) => key)
        expect(after.filter((key) => key !== keys.subnetsGeneration)).toEqual(before)
        expect(await failure(removeNetwork(deps, 'front', newRequest()))).toMatchObject({ code: 'not_found' })
      })

      it('never leaves an endpoint in a network that is gone', async () => {
        const network = await create('front')
        const [claimed, removed] = await Promise.allSettled([
          claim(deps, one, network),
          removeNetwork(deps, 'front', newRequest()),
        ])
        expect([claimed.status, removed.status].sort()).toEqual(['fulfilled', 'rejected'])
      })
    })

    describe('hosts', () => {
      it('keeps the epoch of the same instance, and begins a new one for the next', async () => {
        const again = await join(deps, 1)
        expect(again.fence).toEqual(one.fence)
        const { entry } = await deps.kv.get(keys.alive('docker1'))
        expect(entry?.lease).toBeDefined()
        await endAlive(deps, 'docker1')
        const next = await joinHost(deps, 'docker1', { instance: 'another-one', facts: factsOf(1) })
        expect(next.epoch).toBe(one.fence.epoch + 1)
        expect(await failure(refreshAlive(deps, 'docker1', one.fence))).toMatchObject({ code: 'denied' })
      })

      it('refuses a second living instance of an id, and a second host on a VTEP address', async () => {
        const second = await failure(joinHost(deps, 'docker1', { instance: 'another-one', facts: factsOf(3) }))
        expect(second).toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(/instance-1 has it since 2026.*192\.168\.77\.1.*wait 30 s/),
        })
        const vtep = await failure(joinHost(deps, 'docker3', { instance: 'another-one', facts: factsOf(2) }))
        expect(vtep).toMatchObject({ code: 'conflict', message: expect.stringContaining('docker2') })
        await endAlive(deps, 'docker2')
        await joinHost(deps, 'docker3', { instance: 'another-one', facts: factsOf(2) })
      })

      it('renews and remakes the sign of life', async () => {
        await refreshAlive(deps, 'docker1', one.fence)
        await endAlive(deps, 'docker1')
        await refreshAlive(deps, 'docker1', one.fence)
        expect((await deps.cluster.newest()).alive.get('docker1')?.value.epoch).toBe(one.fence.epoch)
      })

      it('records changed facts', async () => {
        const facts = factsOf(1, { routes: ['10.1.0.0/16'] })
        await recordFacts(deps, 'docker1', one.fence, facts)
        await deps.cluster.newest()
        expect((await failure(create('front', on('10.1.2.0/24')))).message).toContain(
          'route 10.1.0.0/16 of host docker1',
        )
      })

      it('sets and takes away uplinks; refuses an interface or host that is not', async () => {
        const wish = { name: 'lan', host: 'docker1', interface: 'eth0', req: newRequest() }
        expect(await setUplink(deps, wish)).toEqual({ name: 'lan', hosts: { docker1: 'eth0' } })
        expect((await failure(setUplink(deps, { ...wish, interface: 'eth7' }))).message).toContain(
          'it has eth0, docker0',
        )
        expect(await failure(setUplink(deps, { ...wish, host: 'docker9' }))).toMatchObject({ code: 'not_found' })
        expect(await setUplink(deps, { ...wish, interface: null })).toEqual({ name: 'lan', hosts: {} })
      })
    })

    describe('cache and intents', () => {
      it('gives each host its networks, and endpoints and peers where it takes part', async () => {
        const three = await join(deps, 3)
        const [front, back] = [await create('front'), await create('back')]
        const a = await claim(deps, one, front)
        const b = await claim(deps, two, front)
        const c = await claim(deps, three, back)
        await setUplink(deps, { name: 'lan', host: 'docker3', interface: 'eth0', req: newRequest() })
        const view = await deps.cluster.newest()
        const networks = [`network/${front.uid}`, `network/${back.uid}`].sort()
        const ends = [`endpoint/${a.uid}`, `endpoint/${b.uid}`].sort()
        expect([...compileHost(view, 'docker1').keys()]).toEqual([...ends, ...networks, 'peer/docker2'])
        expect([...compileHost(view, 'docker3').keys()]).toEqual([`endpoint/${c.uid}`, ...networks, 'uplink/lan'])
        expect(compileHost(view, 'docker1').get('peer/docker2')).toEqual({
          kind: 'peer',
          host: 'docker2',
          vtep: '192.168.77.2',
        })
      })

      it('compiles the same bytes from any controller, live or listed', async () => {
        const network = await create('front', { ipv6: true })
        await Promise.all(Array.from({ length: 30 }, (_, n) => claim(deps, n % 2 === 0 ? one : two, network)))
        const other = await world.another()
        const live = await deps.cluster.newest()
        const bytes = (view: ClusterView) => JSON.stringify([...compileHost(view, 'docker1').entries()])
        const listed = await other.cluster.newest()
        expect(bytes(listed)).toBe(bytes(live))
        expect(digestOfMap(compileHost(listed, 'docker1'))).toBe(digestOfMap(compileHost(live, 'docker1')))
      })

      it('names every host whose intent a change alters', async () => {
        const before = new Map<string, string>()
        const note = (view: ClusterView) => {
          for (const host of view.hosts.keys()) before.set(host, JSON.stringify([...compileHost(view, host)]))
        }
        note(await deps.cluster.newest())
        const life = new AbortController()
        const changes = deps.cluster.changes(life.signal)
        const told = new Set<string>()
        const reading = (async () => {
          for await (const change of changes)
            for (const host of affectedHosts(deps.cluster.current(), change)) told.add(host)
        })()
        const network = await create('front')
        const a = await claim(deps, one, network)
        const b = await claim(deps, two, network)
        await report(deps, one, [{ uid: a.uid, name: 'web' }])
        await release(deps, two, b.uid)
        const view = await deps.cluster.newest()
        await new Promise((resolve) => setTimeout(resolve, 20))
        life.abort()
        await reading
        for (const [host, intent] of before) {
          if (JSON.stringify([...compileHost(view, host)]) !== intent) expect(told).toContain(host)
        }
        expect(told.size).toBe(2)
      })

      it('skips garbage, lists it, and keeps what was there', async () => {
        const network = await create('front')
        const { uid } = await claim(deps, one, network)
        await write(deps, keys.endpoint(uid), '{"v":1,"__proto__":{}}')
        await write(deps, keys.network('z'.repeat(20)), 'not JSON')
        await write(deps, keys.held(network.subnets[0]?.uid ?? '', '0a400003'), 'rubbish')
        const view = await deps.cluster.newest()
        expect([...view.damaged.keys()].sort()).toEqual([
          keys.endpoint(uid),
          keys.held(network.subnets[0]?.uid ?? '', '0a400003'),
          keys.network('z'.repeat(20)),
        ])
        expect(compileHost(view, 'docker1').has(`endpoint/${uid}`)).toBe(true)
        expect((await claim(deps, one, network)).addresses).toEqual(['10.64.0.4'])
        await deps.kv.txn(deletion(keys.endpoint(uid)), { requestId: newRequest() })
        await deps.kv.txn(deletion(keys.held(network.subnets[0]?.uid ?? '', '0a400003')), { requestId: newRequest() })
        await deps.kv.txn(deletion(keys.held(network.subnets[0]?.uid ?? '', '0a400002')), { requestId: newRequest() })
      })

      it('is what a fresh list says, after everything', async () => {
        const network = await create('front')
        const ends = await Promise.all(Array.from({ length: 10 }, () => claim(deps, one, network)))
        await releaseEndpoints(deps, 'docker1', {
          ...one.fence,
          req: newRequest(),
          endpoints: ends.slice(3).map(({ uid }) => uid),
        })
        const life = new AbortController()
        const fresh = (await openClusterCache(deps.kv, life.signal)).current()
        const live = await deps.cluster.newest()
        const plain = (view: ClusterView) => ({
          networks: new Map(view.networks),
          endpoints: new Map(view.endpoints),
          held: [...view.pools].map(([uid, pool]) => [uid, new Map(pool.held), new Map(pool.reserved)]),
          hosts: new Map(view.hosts),
          vnis: new Map(view.vnis),
        })
        expect(plain(fresh)).toEqual(plain(live))
        life.abort()
      })
    })
  })
}

async function release(deps: DomainDeps, { host, fence }: TestHost, uid: string): Promise<string[]> {
  return (await releaseEndpoints(deps, host, { ...fence, req: newRequest(), endpoints: [uid] })).released
}

async function report(
  deps: DomainDeps,
  { host, fence }: TestHost,
  endpoints: { uid: string; name?: string; containerId?: string }[],
  complete = false,
): Promise<string[]> {
  await deps.cluster.newest()
  const told = endpoints.map((endpoint) => ({ state: 'attached' as const, aliases: [], ...endpoint }))
  return (await reportEndpoints(deps, host, { ...fence, complete, endpoints: told })).unknown
}

async function endQuarantine(deps: DomainDeps, world: DomainWorld): Promise<void> {
  const memory = newSweepMemory()
  await deps.cluster.newest()
  await sweep(deps, memory)
  world.clock.advance(deps.quarantineMs)
  await sweep(deps, memory)
  await deps.cluster.newest()
}

async function uidOfMac(deps: DomainDeps, mac: string): Promise<string> {
  const view = await deps.cluster.newest()
  return [...view.endpoints.values()].find(({ value }) => value.mac === mac)?.value.uid ?? ''
}

const deletion = (key: string) => ({ if: [{ key, mod: 0, op: '>' as const }], then: [{ delete: key }], else: [] })

async function endAlive(deps: DomainDeps, host: string): Promise<void> {
  await deps.kv.txn(deletion(keys.alive(host)), { requestId: newRequest() })
  await deps.cluster.newest()
}

async function write(deps: DomainDeps, key: string, value: string): Promise<void> {
  await deps.kv.txn(
    { if: [{ key, mod: 0, op: '>' }], then: [{ put: key, value }], else: [] },
    { requestId: newRequest() },
  )
  await deps.kv.txn({ if: [{ key, mod: 0 }], then: [{ put: key, value }], else: [] }, { requestId: newRequest() })
}

/** TRUTH.md I1, I2, I6, I11 on what the store holds at the end of every test. */
async function checkInvariants(deps: DomainDeps): Promise<void> {
  const { entries } = await deps.kv.list('/weft/v1/')
  const records = (part: string) => entries.filter(({ key }) => key.startsWith(`/weft/v1/${part}/`))
  const parsed = (part: string) =>
    records(part).flatMap(({ key, value }) => {
      try {
        return [{ key, value: JSON.parse(value) as Record<string, unknown> }]
      } catch {
        return []
      }
    })
  const held = parsed('ip').filter(({ key }) => key.includes('/endpoint/'))
  const owned = parsed('ep').flatMap(
    ({ value }) => (value.addresses as NetworkView['subnets'] | undefined)?.map(() => value.uid) ?? [],
  )
  expect(held.map(({ value }) => value.endpoint).sort()).toEqual(owned.sort())
  const macs = parsed('mac').map(({ value }) => value.endpoint)
  expect(macs.filter((uid) => parsed('ep').some(({ value }) => value.uid === uid)).sort()).toEqual(
    parsed('ep')
      .map(({ value }) => value.uid)
      .sort(),
  )
  const reserved = new Set(
    records('ip')
      .filter(({ key }) => key.includes('/reserved/'))
      .map(({ key }) => key),
  )
  for (const { key } of held) expect(reserved).not.toContain(key.replace('/endpoint/', '/reserved/'))
}
