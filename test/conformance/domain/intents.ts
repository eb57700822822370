/** The cache, the intents compiled from it, and who is told of a change. */
import { digestOfMap } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import {
  affectedHosts,
  type ClusterView,
  compileHost,
  connectRouter,
  createRouter,
  damageWarnings,
  heldHosts,
  openClusterCache,
  publish,
  releaseEndpoints,
  setUplink,
} from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import { claim, type DomainStage, join, newRequest, overwrite, release, report } from './world.ts'

export function intentsConformance(at: DomainStage): void {
  const fresh = (life: AbortController) => openClusterCache(at.deps.kv, life.signal)
  const textOf = async (key: string) => (await at.deps.kv.get(key)).entry?.value

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

    it('reads from history what a damaged record said, at a fresh list as well as in time', async () => {
      const network = await at.create('front')
      const subnet = network.subnets[0]?.uid ?? ''
      const { uid } = await claim(at.deps, at.one, network)
      const intent = compileHost(await at.deps.cluster.newest(), 'docker1')
      const [bad, never] = [[keys.network(network.uid), keys.subnet(subnet), keys.endpoint(uid)], 'z'.repeat(20)]
      const good = new Map(await Promise.all(bad.map(async (key) => [key, await textOf(key)] as const)))
      for (const key of bad) await overwrite(at.deps, key, 'rubbish')
      for (const text of ['rubbish', '{"v":1}', 'rubbish once more']) {
        for (const key of [keys.endpoint(uid), keys.endpoint(never)]) await overwrite(at.deps, key, text)
      }
      const life = new AbortController()
      for (const view of [(await fresh(life)).current(), await at.deps.cluster.newest()]) {
        expect([...view.damaged.keys()].sort()).toEqual([...bad, keys.endpoint(never)].sort())
        expect([...view.lost]).toEqual([])
        expect(compileHost(view, 'docker1')).toEqual(intent)
        for (const warning of damageWarnings(view)) expect(warning).toContain('what it said before stays in force')
      }
      life.abort()
      for (const [key, value] of good) await overwrite(at.deps, key, value)
      await overwrite(at.deps, keys.endpoint(never), undefined)
    })

    it('keeps on hold whom it concerns what nobody knows any more, until it can be read', async () => {
      const three = await join(at.deps, 3)
      const [front, back] = [await at.create('front'), await at.create('back')]
      const { uid } = await claim(at.deps, at.one, front)
      await claim(at.deps, at.two, front)
      await claim(at.deps, three, back)
      const uplink = keys.uplink('lan', 'docker3')
      await setUplink(at.deps, { name: 'lan', host: 'docker3', interface: 'eth0', req: newRequest() }, 'local')
      const concerns: readonly (readonly [string, readonly string[]])[] = [
        [keys.endpoint(uid), ['docker1', 'docker2']],
        [keys.facts('docker2'), ['docker1', 'docker2']],
        [uplink, ['docker3']],
        [keys.network(back.uid), ['docker1', 'docker2', 'docker3']],
        [keys.subnet(front.subnets[0]?.uid ?? ''), ['docker1', 'docker2', 'docker3']],
      ]
      for (const [key, hosts] of concerns) {
        const good = await textOf(key)
        await overwrite(at.deps, key, 'rubbish')
        await at.world.compact()
        const life = new AbortController()
        const blind = await fresh(life)
        expect([...blind.current().lost]).toEqual([key])
        expect([...heldHosts(blind.current())].sort()).toEqual(hosts)
        // Whoever read it in time goes on.
        expect([...heldHosts(await at.deps.cluster.newest())]).toEqual([])
        const [warning] = damageWarnings(blind.current())
        const all = hosts.length === 3 ? 'all hosts' : hosts.join(', ')
        expect(warning).toMatch(
          new RegExp(`^etcd record ${key} cannot be read: .*on hold for ${all}; put back .*del ${key}`),
        )
        await overwrite(at.deps, key, good)
        expect([...heldHosts(await blind.newest())]).toEqual([])
        life.abort()
      }
    })

    it('takes from no host that is not on hold what it had, whichever record is lost', async () => {
      const three = await join(at.deps, 3)
      const web = { container: 'web-docker1', network: 'front', protocol: 'tcp', hostPort: 8080, port: 80 } as const
      const [front, back] = [await at.create('front'), await at.create('back')]
      await createRouter(at.deps, { req: newRequest(), name: 'gw', preferred: 'docker3' }, 'local')
      await connectRouter(at.deps, { req: newRequest(), router: 'gw', network: 'back' }, 'local')
      await publish(at.deps, { ...web, req: newRequest(), on: 'own' }, 'local', async () => [])
      await publish(at.deps, { ...web, req: newRequest(), on: 'all', hostPort: 8081 }, 'local', async () => [])
      for (const host of [at.one, at.two]) await claim(at.deps, host, front, { names: [`web-${host.host}`] })
      for (const host of [at.two, three]) await claim(at.deps, host, back)
      await setUplink(at.deps, { name: 'lan', host: 'docker3', interface: 'eth0', req: newRequest() }, 'local')
      const before = await at.deps.cluster.newest()
      const intents = new Map([...before.hosts.keys()].map((host) => [host, compileHost(before, host)]))
      for (const { key, value } of (await at.deps.kv.list('/weft/v1/')).entries) {
        if (key === keys.cluster || key === keys.incarnation || key.startsWith(keys.alive(''))) continue
        await overwrite(at.deps, key, '{"v":9}')
        await at.world.compact()
        const life = new AbortController()
        const view = (await fresh(life)).current()
        const held = heldHosts(view)
        for (const [host, intent] of intents) {
          // A host whose own record cannot be read is not known: nobody compiles for it.
          if (!held.has(host) && view.hosts.has(host)) expect([key, compileHost(view, host)]).toEqual([key, intent])
        }
        life.abort()
        await overwrite(at.deps, key, value)
      }
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
