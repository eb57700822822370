/** T7: a network goes only when nobody is on it. */
import { describe, expect, it } from 'vitest'
import { endpointViews, keepShims, removeNetwork } from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import { claim, type DomainStage, failure, lead, newRequest, on, release, report } from './world.ts'

export function removeConformance(at: DomainStage): void {
  describe('remove', () => {
    it('is refused while endpoints exist, by their names, and leaves no key', async () => {
      const before = (await at.deps.kv.list('/weft/v1/')).entries.map(({ key }) => key)
      const network = await at.create('front', { ...on('10.1.0.0/24'), ipv6: true })
      const { uid } = await claim(at.deps, at.one, network)
      await report(at.deps, at.one, [{ uid, name: 'web', containerId: 'c1' }])
      const wish = { req: newRequest(), dryRun: true }
      expect(await failure(removeNetwork(at.deps, 'front', wish, 'local'))).toMatchObject({ code: 'conflict' })
      const error = await failure(removeNetwork(at.deps, 'front', { req: newRequest() }, 'local'))
      expect(error).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('container web (c1) on docker1 at 10.1.0.2'),
      })
      await release(at.deps, at.one, uid)
      const kept = await at.deps.kv.list('/weft/v1/')
      const tried = await removeNetwork(at.deps, 'front', { req: newRequest(), dryRun: true }, 'local')
      expect(tried).toMatchObject({ name: 'front', uid: network.uid })
      expect((await at.deps.kv.list('/weft/v1/')).entries).toEqual(kept.entries)
      expect(await removeNetwork(at.deps, network.uid.slice(0, 8), { req: newRequest() }, 'local')).toMatchObject({
        name: 'front',
        uid: network.uid,
      })
      const after = (await at.deps.kv.list('/weft/v1/')).entries.map(({ key }) => key)
      expect(after.filter((key) => key !== keys.subnetsGeneration && !key.startsWith(keys.audit('')))).toEqual(before)
      expect(await failure(removeNetwork(at.deps, 'front', { req: newRequest() }, 'local'))).toMatchObject({
        code: 'not_found',
      })
    })

    it('is not held up by hosts’ shims, which the sweep takes back after it', async () => {
      const network = await at.create('front', { ...on('10.1.0.0/24'), options: { host_access: 'true' } })
      const guard = await lead(at.deps)
      expect(await keepShims(at.deps, guard)).toMatchObject({ made: 2, ended: 0 })
      await at.deps.cluster.newest()
      expect(await keepShims(at.deps, guard)).toMatchObject({ made: 0, ended: 0 })
      const [shim] = endpointViews(at.deps.cluster.current(), { network: network.uid })
      expect(shim).toMatchObject({ role: 'shim', host: at.one.host })
      const taken = shim?.addresses[0] ?? ''
      expect(await failure(claim(at.deps, at.two, network, { address: taken }))).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(`the host shim of ${at.one.host}`),
      })
      const { uid } = await claim(at.deps, at.two, network)
      expect(await failure(removeNetwork(at.deps, 'front', { req: newRequest() }, 'local'))).toMatchObject({
        code: 'conflict',
      })
      await release(at.deps, at.two, uid)
      await removeNetwork(at.deps, 'front', { req: newRequest() }, 'local')
      await at.deps.cluster.newest()
      expect(await keepShims(at.deps, guard)).toMatchObject({ made: 0 })
      await at.deps.cluster.newest()
      expect(endpointViews(at.deps.cluster.current())).toEqual([])
    })

    it('never leaves an endpoint in a network that is gone', async () => {
      const network = await at.create('front')
      const [claimed, removed] = await Promise.allSettled([
        claim(at.deps, at.one, network),
        removeNetwork(at.deps, 'front', { req: newRequest() }, 'local'),
      ])
      expect([claimed.status, removed.status].sort()).toEqual(['fulfilled', 'rejected'])
    })
  })
}
