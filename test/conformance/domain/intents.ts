/** The cache, the intents compiled from it, and who is told of a change. */
import { digestOfMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import {
  affectedHosts,
  type ClusterView,
  compileHost,
  damageWarnings,
  openClusterCache,
  releaseEndpoints,
  setUplink,
} from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import { claim, type DomainStage, join, newRequest, overwrite, release, report } from './world.ts'

export function intentsConformance(at: DomainStage): void {
  describe('cache and intents', () => {
    it('gives each host its networks, and endpoints and peers where it takes part', async () => {
      const three = await join(at.deps, 3)
      const [front, back] = [await at.create('front'), await at.create('back')]
      const a = await claim(at.deps, at.one, front)
      const b = await claim(at.deps, at.two, front)
      const c = await claim(at.deps, three, back)
      await setUplink(at.deps, { name: 'lan', host: 'docker3', interface: 'eth0', req: newRequest() }, 'local')
      const view = await at.deps.cluster.newest()
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
      const network = await at.create('front', { ipv6: true })
      await Promise.all(Array.from({ length: 30 }, (_, n) => claim(at.deps, n % 2 === 0 ? at.one : at.two, network)))
      const other = await at.world.another()
      const live = await at.deps.cluster.newest()
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
      note(await at.deps.cluster.newest())
      const life = new AbortController()
      const changes = at.deps.cluster.changes(life.signal)
      const told = new Set<string>()
      const reading = (async () => {
        for await (const change of changes)
          for (const host of affectedHosts(at.deps.cluster.current(), change)) told.add(host)
      })()
      const network = await at.create('front')
      const a = await claim(at.deps, at.one, network)
      const b = await claim(at.deps, at.two, network)
      await report(at.deps, at.one, [{ uid: a.uid, name: 'web' }])
      await release(at.deps, at.two, b.uid)
      const view = await at.deps.cluster.newest()
      await new Promise((resolve) => setTimeout(resolve, 20))
      life.abort()
      await reading
      for (const [host, intent] of before) {
        if (JSON.stringify([...compileHost(view, host)]) !== intent) expect(told).toContain(host)
      }
      expect(told.size).toBe(2)
    })

    it('skips garbage, lists it, and keeps what was there', async () => {
      const network = await at.create('front')
      const subnet = network.subnets[0]?.uid ?? ''
      const { uid } = await claim(at.deps, at.one, network)
      await overwrite(at.deps, keys.endpoint(uid), '{"v":1,"__proto__":{}}')
      await overwrite(at.deps, keys.network('z'.repeat(20)), 'not JSON')
      await overwrite(at.deps, keys.held(subnet, '0a400003'), 'rubbish')
      const view = await at.deps.cluster.newest()
      expect([...view.damaged.keys()].sort()).toEqual([
        keys.endpoint(uid),
        keys.held(subnet, '0a400003'),
        keys.network('z'.repeat(20)),
      ])
      expect(compileHost(view, 'docker1').has(`endpoint/${uid}`)).toBe(true)
      expect((await claim(at.deps, at.one, network)).addresses).toEqual(['10.64.0.4'])
      for (const key of [keys.endpoint(uid), ...['0a400003', '0a400002'].map((hex) => keys.held(subnet, hex))]) {
        await overwrite(at.deps, key, undefined)
      }
    })

    it('knows what it cannot know: a fresh list with a damaged record that was good once', async () => {
      const network = await at.create('front')
      const { uid } = await claim(at.deps, at.one, network)
      const life = new AbortController()
      const fresh = async () => (await openClusterCache(at.deps.kv, life.signal)).current()
      const good = (await at.deps.kv.get(keys.endpoint(uid))).entry?.value
      await overwrite(at.deps, keys.endpoint(uid), 'rubbish')
      await overwrite(at.deps, keys.endpoint('z'.repeat(20)), 'rubbish from the first')
      await overwrite(at.deps, keys.networkName('other'), '{}')
      const blind = await fresh()
      expect([...blind.lost]).toEqual([keys.endpoint(uid)])
      expect([...blind.damaged.keys()]).toContain(keys.networkName('other'))
      expect([...(await at.deps.cluster.newest()).lost]).toEqual([])
      const [first, ...others] = damageWarnings(blind)
      expect(first).toMatch(new RegExp(`^etcd record ${keys.endpoint(uid)} cannot be read: .*not JSON.*get no intents`))
      expect(first).toContain(`etcdctl del ${keys.endpoint(uid)}`)
      for (const warning of others) expect(warning).toContain('stays in force')
      await overwrite(at.deps, keys.endpoint(uid), good)
      expect([...(await fresh()).lost]).toEqual([])
      for (const key of [keys.endpoint('z'.repeat(20)), keys.networkName('other')])
        await overwrite(at.deps, key, undefined)
      life.abort()
    })

    it('is what a fresh list says, after everything', async () => {
      const network = await at.create('front')
      const ends = await Promise.all(Array.from({ length: 10 }, () => claim(at.deps, at.one, network)))
      await releaseEndpoints(at.deps, 'docker1', {
        ...at.one.fence,
        req: newRequest(),
        endpoints: ends.slice(3).map(({ uid }) => uid),
      })
      const life = new AbortController()
      const fresh = (await openClusterCache(at.deps.kv, life.signal)).current()
      const live = await at.deps.cluster.newest()
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
}
