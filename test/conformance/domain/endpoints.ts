/** Endpoints through their life: bind, report, release, sweep. */
import { describe, expect, it } from 'vitest'
import {
  bindEndpoint,
  findEndpoint,
  newSweepMemory,
  reportEndpoints,
  reserveAddresses,
  sweep,
} from '../../../controller/src/domain/index.ts'
import { claim, type DomainStage, failure, lead, newRequest, release, report } from './world.ts'

export function endpointsConformance(at: DomainStage): void {
  describe('bind, report, release', () => {
    it('makes one endpoint of two claims, once', async () => {
      const network = await at.create('dual', { ipv6: true })
      const four = await claim(at.deps, at.one, network)
      const six = await claim(at.deps, at.one, network, { subnet: network.subnets[1]?.uid ?? '' })
      const mac = '02:aa:00:00:00:02'
      const request = {
        ...at.one.fence,
        req: newRequest(),
        endpoint: four.uid,
        merge: [six.uid],
        mac,
        dockerEndpointId: 'd1',
      }
      const { endpoint } = await bindEndpoint(at.deps, 'docker1', request)
      expect(endpoint).toMatchObject({ uid: four.uid, mac, addresses: [...four.addresses, ...six.addresses] })
      const { revision } = await at.deps.cluster.newest()
      expect((await bindEndpoint(at.deps, 'docker1', request)).endpoint).toEqual(endpoint)
      expect((await at.deps.cluster.newest()).revision).toBe(revision)
      await release(at.deps, at.one, four.uid)
      expect((await at.deps.cluster.newest()).endpoints.size).toBe(0)
    })

    it('refuses a MAC that is taken, an absent endpoint and another host’s', async () => {
      const network = await at.create('front')
      const [a, b] = [await claim(at.deps, at.one, network), await claim(at.deps, at.two, network)]
      const request = { ...at.one.fence, req: newRequest(), endpoint: a.uid, merge: [], dockerEndpointId: 'd1' }
      const taken = await failure(bindEndpoint(at.deps, 'docker1', { ...request, mac: b.mac }))
      expect(taken).toMatchObject({ code: 'conflict', message: expect.stringContaining('on docker2 has it') })
      expect(await failure(bindEndpoint(at.deps, 'docker1', { ...request, endpoint: b.uid }))).toMatchObject({
        code: 'denied',
      })
      const absent = bindEndpoint(at.deps, 'docker1', { ...request, endpoint: '0'.repeat(20) })
      expect(await failure(absent)).toMatchObject({ code: 'not_found' })
    })

    it('gives no MAC to who has a parent’s, and shows that one', async () => {
      const wish = { driver: 'ipvlan', options: { parent: 'eth0' }, subnets: [{ subnet: '10.9.0.0/24' }] }
      const network = await at.create('ipv', wish)
      const [a, b] = [await claim(at.deps, at.one, network), await claim(at.deps, at.one, network)]
      const request = { ...at.one.fence, req: newRequest(), endpoint: a.uid, merge: [], dockerEndpointId: 'd1' }
      const mac = '02:aa:00:00:00:02'
      const reservation = { req: newRequest(), name: 'web', addresses: [], mac }
      for (const asked of [
        () => bindEndpoint(at.deps, 'docker1', { ...request, mac }),
        () => reserveAddresses(at.deps, 'ipv', reservation, 'local'),
      ]) {
        expect(await failure(asked())).toMatchObject({
          code: 'invalid',
          message: expect.stringContaining('network ipv'),
        })
      }
      const view = await at.deps.cluster.newest()
      const parent = view.facts.get('docker1')?.value.facts.interfaces.find(({ name }) => name === 'eth0')?.mac
      expect([a, b].map(({ uid }) => findEndpoint(view, uid).mac)).toEqual([parent, parent])
    })

    it('writes reports down, only what they change, and says what it does not know', async () => {
      const network = await at.create('front')
      const { uid } = await claim(at.deps, at.one, network)
      const foreign = (await claim(at.deps, at.two, network)).uid
      const said = { uid, name: 'web', containerId: 'c1' }
      expect(await report(at.deps, at.one, [said, { uid: foreign }])).toEqual([foreign])
      const view = await at.deps.cluster.newest()
      expect(view.endpoints.get(uid)?.value).toMatchObject({ state: 'attached', name: 'web', containerId: 'c1' })
      expect(view.endpoints.get(foreign)?.value.state).toBe('pending')
      const { revision } = view
      await report(at.deps, at.one, [said])
      expect((await at.deps.cluster.newest()).revision).toBe(revision)
    })

    it('takes a report for what it is, however soon it follows on another', async () => {
      const network = await at.create('front')
      const { uid } = await claim(at.deps, at.one, network)
      for (const name of ['web', 'store', 'web', 'store', 'web']) {
        const told = { uid, state: 'attached' as const, aliases: [], name }
        await reportEndpoints(at.deps, 'docker1', { ...at.one.fence, complete: false, endpoints: [told] })
      }
      expect((await at.deps.cluster.newest()).endpoints.get(uid)?.value.name).toBe('web')
    })

    it('takes back what complete reports leave out, after the grace and in the same epoch only', async () => {
      const network = await at.create('front')
      const [kept, leaked] = [await claim(at.deps, at.one, network), await claim(at.deps, at.one, network)]
      await report(at.deps, at.one, [{ uid: kept.uid }], true)
      const memory = newSweepMemory()
      const guard = await lead(at.deps)
      await at.deps.cluster.newest()
      expect(await sweep(at.deps, memory, guard)).toEqual({ freed: 0, leaked: [], forgotten: 0 })
      at.world.clock.advance(14 * 60_000)
      expect(await sweep(at.deps, memory, guard)).toEqual({ freed: 0, leaked: [], forgotten: 0 })
      await report(at.deps, at.one, [{ uid: leaked.uid }])
      at.world.clock.advance(14 * 60_000)
      await at.deps.cluster.newest()
      expect(await sweep(at.deps, memory, guard)).toEqual({ freed: 0, leaked: [], forgotten: 0 })
      await report(at.deps, at.one, [{ uid: kept.uid }], true)
      await at.deps.cluster.newest()
      await sweep(at.deps, memory, guard)
      at.world.clock.advance(15 * 60_000)
      expect(await sweep(at.deps, memory, guard)).toEqual({ freed: 0, leaked: [leaked.uid], forgotten: 0 })
      expect([...(await at.deps.cluster.newest()).endpoints.keys()]).toEqual([kept.uid])
    })

    it('ends quarantines after their time', async () => {
      const network = await at.create('front')
      const { uid } = await claim(at.deps, at.one, network)
      await release(at.deps, at.one, uid)
      const memory = newSweepMemory()
      const guard = await lead(at.deps)
      await at.deps.cluster.newest()
      expect((await sweep(at.deps, memory, guard)).freed).toBe(0)
      at.world.clock.advance(9_000)
      expect((await sweep(at.deps, memory, guard)).freed).toBe(0)
      at.world.clock.advance(1_000)
      expect((await sweep(at.deps, memory, guard)).freed).toBe(1)
    })

    it('commits nothing for a leader whose time is over, and does not lose the work', async () => {
      const network = await at.create('front')
      const [kept, leaked] = [await claim(at.deps, at.one, network), await claim(at.deps, at.one, network)]
      await release(at.deps, at.one, kept.uid)
      await report(at.deps, at.one, [], true)
      const stale = await lead(at.deps)
      const memory = newSweepMemory()
      await at.deps.cluster.newest()
      await sweep(at.deps, memory, stale)
      at.world.clock.advance(15 * 60_000)
      const guard = await lead(at.deps)
      const { revision } = await at.deps.cluster.newest()
      const nothing = { freed: 0, leaked: [], forgotten: 0 }
      expect(await sweep(at.deps, memory, stale, { audit: { ms: 0, most: 0 } })).toEqual(nothing)
      expect((await at.deps.kv.get('/weft/v1/')).revision).toBe(revision)
      const done = await sweep(at.deps, memory, guard)
      expect(done).toEqual({ freed: 1, leaked: [leaked.uid], forgotten: 0 })
    })

    it('releases once, counts the absent as released, and not another host’s', async () => {
      const network = await at.create('front')
      const { uid } = await claim(at.deps, at.one, network)
      expect(await failure(release(at.deps, at.two, uid))).toMatchObject({ code: 'denied' })
      expect(await release(at.deps, at.one, uid)).toEqual([uid])
      expect(await release(at.deps, at.one, uid)).toEqual([uid])
    })
  })
}
