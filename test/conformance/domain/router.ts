/** Routers: their place, their legs and addresses; what they compile to; moves. */
import { describe, expect, it } from 'vitest'
import {
  compileHost,
  connectRouter,
  createRouter,
  disconnectRouter,
  findRouter,
  moveRouter,
  relocateRouter,
  removeNetwork,
  removeRouter,
} from '../../../controller/src/domain/index.ts'
import { claim, type DomainStage, endAlive, failure, newRequest, on } from './world.ts'

export function routerConformance(at: DomainStage): void {
  describe('routers', () => {
    const create = (name = 'r1', preferred?: string) =>
      createRouter(at.deps, { req: newRequest(), name, preferred }, 'local')
    const connect = (network: string, address?: string, router = 'r1') =>
      connectRouter(at.deps, { req: newRequest(), router, network, address }, 'local')
    const entry = async (host: string, router: string) =>
      compileHost(await at.deps.cluster.newest(), host).get(`router/${router}`)

    it('is placed on a host that reports, the preferred one if it does, and once per request', async () => {
      const req = newRequest()
      const first = await createRouter(at.deps, { req, name: 'r1', preferred: 'docker2' }, 'local')
      expect(first).toMatchObject({ host: 'docker2', generation: 1, legs: [], pairs: [] })
      expect(await createRouter(at.deps, { req, name: 'r1', preferred: 'docker2' }, 'local')).toEqual(first)
      expect(await failure(create('r1'))).toMatchObject({ code: 'conflict' })
      expect(await failure(create('r2', 'nope'))).toMatchObject({ code: 'not_found' })
      expect(await create('r2')).toMatchObject({ host: 'docker1' })
      await endAlive(at.deps, 'docker1')
      await endAlive(at.deps, 'docker2')
      expect(await failure(create('r3'))).toMatchObject({ code: 'unavailable' })
    })

    it('has the gateway’s address where nobody else can, gives it back, and else the next free one', async () => {
      await create()
      await at.create('sealed', on('10.1.0.0/24'))
      await at.create('wire', { ...on('10.2.0.0/24'), driver: 'macvlan', options: { parent: 'eth0' } })
      await connect('sealed')
      const { legs, pairs } = await connect('wire')
      expect(legs.map(({ addresses }) => addresses)).toEqual([['10.1.0.1'], ['10.2.0.2']])
      expect(pairs).toEqual([['sealed', 'wire']])
      await create('r2')
      expect((await connect('sealed', undefined, 'r2')).legs[0]?.addresses).toEqual(['10.1.0.2'])
      expect((await connect('wire', '10.2.0.1', 'r2')).legs[1]?.addresses).toEqual(['10.2.0.1'])
      await removeRouter(at.deps, 'r1', newRequest(), 'local')
      await create('r3')
      expect((await connect('sealed', undefined, 'r3')).legs[0]?.addresses).toEqual(['10.1.0.1'])
    })

    it('refuses addresses that are somebody’s or not the network’s, and networks that no leg reaches', async () => {
      await create()
      const network = await at.create('front', on('10.1.0.0/24'))
      const { addresses } = await claim(at.deps, at.one, network)
      expect(await failure(connect('front', addresses[0]))).toMatchObject({ code: 'conflict' })
      expect(await failure(connect('front', '10.9.0.1'))).toMatchObject({ code: 'invalid' })
      await at.create('lone', { ...on('10.3.0.0/24'), driver: 'bridge' })
      expect(await failure(connect('lone'))).toMatchObject({ code: 'invalid' })
      const deaf = { driver: 'macvlan', options: { parent: 'eth0', macvlan_mode: 'private' } }
      await at.create('deaf', { ...on('10.4.0.0/24'), ...deaf })
      expect(await failure(connect('deaf'))).toMatchObject({ code: 'invalid' })
    })

    it('concerns the host that carries it and those of its networks, and nobody else', async () => {
      const { uid, host } = await create('r1', 'docker1')
      const network = await at.create('front', on('10.1.0.0/24'))
      await at.create('back', on('10.2.0.0/24'))
      await connect('front')
      await connect('back')
      expect(await entry('docker2', uid)).toBeUndefined()
      await claim(at.deps, at.two, network)
      expect(await entry('docker2', uid)).toMatchObject({ host, generation: 1, networks: { length: 2 } })
      expect(await failure(removeNetwork(at.deps, 'back', { req: newRequest() }, 'local'))).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('router r1'),
      })
    })

    it('moves with all its legs, their addresses and MACs, once', async () => {
      const { uid } = await create('r1', 'docker1')
      await at.create('front', { ...on('10.1.0.0/24'), ipv6: true })
      await at.create('back', on('10.2.0.0/24'))
      await connect('front')
      const before = await connect('back')
      const move = { router: uid, to: 'docker2', req: newRequest() }
      const [first, second] = await Promise.all([moveRouter(at.deps, move), moveRouter(at.deps, move)])
      expect([first, second].filter(Boolean)).toHaveLength(1)
      const after = findRouter(await at.deps.cluster.newest(), 'r1')
      expect(after).toMatchObject({ host: 'docker2', generation: 2, legs: before.legs })
      const [leg] = [...compileHost(at.deps.cluster.current(), 'docker2').values()].filter(
        (each) => each.kind === 'endpoint',
      )
      expect(leg).toMatchObject({ host: 'docker2', role: 'router', router: uid })
    })

    it('goes where an admin wants it, or away, and prefers that', async () => {
      const wish = { req: newRequest(), router: 'r1' }
      await create('r1', 'docker1')
      await at.create('front', on('10.1.0.0/24'))
      await connect('front')
      const away = await relocateRouter(at.deps, wish, 'local')
      expect(away).toMatchObject({ host: 'docker2', generation: 2 })
      expect(away.preferred).toBeUndefined()
      expect(await relocateRouter(at.deps, wish, 'local')).toEqual(away)
      const back = await relocateRouter(at.deps, { ...wish, req: newRequest(), host: 'docker1' }, 'local')
      expect(back).toMatchObject({ host: 'docker1', preferred: 'docker1', generation: 3 })
      await endAlive(at.deps, 'docker2')
      const stuck = { ...wish, req: newRequest() }
      expect(await failure(relocateRouter(at.deps, stuck, 'local'))).toMatchObject({ code: 'unavailable' })
    })

    it('leaves nothing behind', async () => {
      const keysNow = async () =>
        (await at.deps.kv.list('/weft/v1/')).entries
          .map(({ key }) => key)
          .filter((key) => !key.includes('/audit/') && !key.includes('/reserved/'))
      await at.create('front', on('10.1.0.0/24'))
      await at.create('back', on('10.2.0.0/24'))
      const before = await keysNow()
      await create()
      await connect('front')
      await connect('back')
      const left = await disconnectRouter(at.deps, { req: newRequest(), router: 'r1', network: 'back' }, 'local')
      expect(left.pairs).toEqual([])
      await removeRouter(at.deps, 'r1', newRequest(), 'local')
      expect(await keysNow()).toEqual(before)
      expect(await failure(removeRouter(at.deps, 'r1', newRequest(), 'local'))).toMatchObject({ code: 'not_found' })
    })
  })
}
