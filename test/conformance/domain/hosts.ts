/** T8 and T12: joins, signs of life, facts, uplinks. */
import { describe, expect, it } from 'vitest'
import {
  allowRemovals,
  joinHost,
  recordFacts,
  recordPath,
  refreshAlive,
  removeHost,
  reserveAddresses,
  setUplink,
} from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import {
  claim,
  type DomainStage,
  endAlive,
  endQuarantine,
  factsOf,
  failure,
  join,
  newRequest,
  on,
  overwrite,
  release,
} from './world.ts'

export function hostsConformance(at: DomainStage): void {
  describe('hosts', () => {
    it('keeps the epoch of the same instance, and begins a new one for the next', async () => {
      const again = await join(at.deps, 1)
      expect(again.fence).toEqual(at.one.fence)
      const { entry } = await at.deps.kv.get(keys.alive('docker1'))
      expect(entry?.lease).toBeDefined()
      await endAlive(at.deps, 'docker1')
      const next = await joinHost(at.deps, 'docker1', { instance: 'another-one', facts: factsOf(1) })
      expect(next.epoch).toBe(at.one.fence.epoch + 1)
      expect(await failure(refreshAlive(at.deps, 'docker1', at.one.fence))).toMatchObject({ code: 'denied' })
    })

    it('refuses a second living instance of an id, and a second host on a VTEP address', async () => {
      const second = await failure(joinHost(at.deps, 'docker1', { instance: 'another-one', facts: factsOf(3) }))
      expect(second).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/instance-1 has it since 2026.*192\.168\.77\.1.*wait 30 s/),
      })
      const vtep = await failure(joinHost(at.deps, 'docker3', { instance: 'another-one', facts: factsOf(2) }))
      expect(vtep).toMatchObject({ code: 'conflict', message: expect.stringContaining('docker2') })
      await endAlive(at.deps, 'docker2')
      await joinHost(at.deps, 'docker3', { instance: 'another-one', facts: factsOf(2) })
    })

    it('renews and remakes the sign of life', async () => {
      await refreshAlive(at.deps, 'docker1', at.one.fence)
      await endAlive(at.deps, 'docker1')
      await refreshAlive(at.deps, 'docker1', at.one.fence)
      expect((await at.deps.cluster.newest()).alive.get('docker1')?.value.epoch).toBe(at.one.fence.epoch)
    })

    it('records changed facts', async () => {
      const facts = factsOf(1, { routes: ['10.1.0.0/16'] })
      await recordFacts(at.deps, 'docker1', at.one.fence, facts)
      await at.deps.cluster.newest()
      expect((await failure(at.create('front', on('10.1.2.0/24')))).message).toContain(
        'route 10.1.0.0/16 of host docker1',
      )
    })

    it('marks for a while that removals are meant, and says who did', async () => {
      expect([...at.deps.cluster.current().removalsAllowed]).toEqual([])
      expect(await allowRemovals(at.deps, 'docker1', newRequest(), 'local')).toEqual({ host: 'docker1', seconds: 600 })
      expect([...at.deps.cluster.current().removalsAllowed]).toEqual(['docker1'])
      const { entries } = await at.deps.kv.list(keys.audit(''))
      expect(entries.some(({ value }) => value.includes('host.allow-removals'))).toBe(true)
      const { entry } = await at.deps.kv.get(keys.allowRemovals('docker1'))
      expect(entry?.lease).toBeDefined()
      await overwrite(at.deps, keys.allowRemovals('docker1'), undefined)
      expect([...(await at.deps.cluster.newest()).removalsAllowed]).toEqual([])
      expect(await failure(allowRemovals(at.deps, 'docker9', newRequest(), 'local'))).toMatchObject({
        code: 'not_found',
      })
    })

    it('makes networks no larger than the narrowest path that was measured, and says which it is', async () => {
      const wide = await at.create('wide', on('10.1.3.0/24'))
      await recordPath(at.deps, ['docker2', 'docker1'], { mtu: 1400, tried: 1500 })
      await recordPath(at.deps, ['docker2', 'docker1'], { mtu: 1400, tried: 1500 })
      const narrow = await at.create('narrow', on('10.1.4.0/24'))
      expect(wide.mtu).toBe(1450)
      expect(narrow).toMatchObject({
        mtu: 1350,
        warnings: [expect.stringMatching(/MTU 1350: the path between docker1 and docker2 carries 1400.*weft doctor/)],
      })
      const { message } = await failure(at.create('large', { ...on('10.1.5.0/24'), options: { mtu: '1400' } }))
      expect(message).toMatch(/path between docker1 and docker2 carries 1400.*1350/)
      // Measured anew, and mended; between addresses that were, it says nothing.
      await recordPath(at.deps, ['docker1', 'docker2'], { mtu: 1500, tried: 1500 })
      expect((await at.create('again', on('10.1.6.0/24'))).mtu).toBe(1450)
      await recordPath(at.deps, ['docker1', 'docker2'], { mtu: 1400, tried: 1500 })
      await recordFacts(at.deps, 'docker2', at.two.fence, factsOf(9))
      await at.deps.cluster.newest()
      expect((await at.create('moved', on('10.1.7.0/24'))).mtu).toBe(1450)
    })

    it('removes a silent host with all that is said of it, and never one that is alive', async () => {
      const network = await at.create('front', on('10.1.2.0/24'))
      await setUplink(at.deps, { name: 'lan', host: 'docker1', interface: 'eth0', req: newRequest() }, 'local')
      const { uid: endpoint, addresses } = await claim(at.deps, at.one, network)
      const address = addresses[0] ?? ''
      const remove = (force: boolean) => removeHost(at.deps, 'docker1', { req: newRequest(), force }, 'local')
      expect(await failure(remove(true))).toMatchObject({ code: 'conflict', message: expect.stringContaining('alive') })
      await endAlive(at.deps, 'docker1')
      expect(await failure(remove(false))).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/10\.1\.2\.\d+.*weft host rm --force docker1/s),
      })
      expect(await remove(true)).toMatchObject({ id: 'docker1', endpoints: 1 })
      const view = await at.deps.cluster.newest()
      expect([view.hosts.has('docker1'), view.facts.has('docker1'), view.uplinks.get('lan')?.has('docker1')]).toEqual([
        false,
        false,
        undefined,
      ])
      expect(view.endpoints.has(endpoint)).toBe(false)
      const left = await at.deps.kv.list('/weft/v1/', { limit: 1000 })
      const said = left.entries.filter(
        ({ key, value }) => !key.includes('/audit/') && `${key} ${value}`.includes('docker1'),
      )
      // The address rests, with the name of who had it, and for nobody's wish does that end early.
      expect(said.map(({ key }) => key)).toEqual([expect.stringContaining('/reserved/')])
      const wish = { req: newRequest(), name: 'heir', addresses: [address] }
      for (const asked of [
        () => claim(at.deps, at.two, network, { address }),
        () => reserveAddresses(at.deps, 'front', wish, 'local'),
      ]) {
        expect(await failure(asked())).toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(/address rests.* removed without being asked/),
        })
      }
      await endQuarantine(at.deps, at.world)
      expect((await claim(at.deps, at.two, network, { address })).addresses).toEqual([address])
      expect(await failure(remove(true))).toMatchObject({ code: 'not_found' })
      expect(await failure(refreshAlive(at.deps, 'docker1', at.one.fence))).toMatchObject({ code: 'denied' })
      const back = await join(at.deps, 1)
      expect(back.fence.epoch).toBe(1)
    })

    it('sets and takes away uplinks; refuses an interface or host that is not', async () => {
      const wish = { name: 'lan', host: 'docker1', interface: 'eth0', req: newRequest() }
      expect(await setUplink(at.deps, wish, 'local')).toEqual({ name: 'lan', hosts: { docker1: 'eth0' } })
      expect((await failure(setUplink(at.deps, { ...wish, interface: 'eth7' }, 'local'))).message).toContain(
        'it has eth0, docker0',
      )
      expect(await failure(setUplink(at.deps, { ...wish, host: 'docker9' }, 'local'))).toMatchObject({
        code: 'not_found',
      })
      const none = { ...wish, interface: null }
      const used = await at.create('used', { ...on('10.1.9.0/24'), driver: 'macvlan', options: { parent: '@lan.100' } })
      await at.create('spare', { ...on('10.1.10.0/24'), driver: 'bridge', options: { parent: '@lan.200' } })
      expect(await setUplink(at.deps, { ...none, dryRun: true }, 'local')).toEqual({
        name: 'lan',
        hosts: { docker1: 'eth0' },
      })
      const { uid } = await claim(at.deps, at.one, used)
      for (const dryRun of [true, false])
        expect(await failure(setUplink(at.deps, { ...none, dryRun, req: newRequest() }, 'local'))).toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(/in use: lan of docker1: .* on it by used; .*weft uplink set lan docker1=/),
        })
      await release(at.deps, at.one, uid)
      expect(await setUplink(at.deps, { ...none, req: newRequest() }, 'local')).toEqual({ name: 'lan', hosts: {} })
    })
  })
}
