/** Lost answers and refused calls: whatever the network does to single calls, addresses stay with one owner and none leaks. */
import { describe, expect, it } from 'vitest'
import { claim, join, networkRequest, newRequest, openDomainWorld } from '../../../test/conformance/domain/world.ts'
import { type ModelCall, type ModelFault, ModelStore } from '../store/model.ts'
import { createNetwork, releaseEndpoints } from './index.ts'
import { addressKeyOf, keys } from './pure/keys.ts'

/** A seeded stream of numbers in [0, 1) (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

async function persistently<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (tries > 20 || !(error as { retryable?: boolean }).retryable) throw error
    }
  }
}

describe('under faults of the store', () => {
  it.each([1, 2, 3, 4, 5])('keeps addresses and endpoints one to one, seed %i', async (seed) => {
    const random = seeded(seed)
    let faulty = false
    const fault = (call: ModelCall): ModelFault => {
      if (!faulty || (call !== 'txn' && call !== 'range')) return 'none'
      const drawn = random()
      if (call === 'txn' && drawn < 0.2) return 'break-answer'
      return drawn < 0.3 ? 'refuse' : 'none'
    }
    const store = new ModelStore()
    const world = await openDomainWorld(async () => ({
      connect: () => store.connect({ fault, random }),
      close: async () => {},
    }))
    const controllers = [world.deps, await world.another()]
    const hosts = [await join(world.deps, 1), await join(world.deps, 2)]
    const network = await createNetwork(
      world.deps,
      networkRequest('front', { subnets: [{ subnet: '10.1.0.0/24' }] }),
      'local',
    )
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T

    faulty = true
    const live = new Map<string, string>()
    await Promise.all(
      Array.from({ length: 120 }, async () => {
        const host = pick(hosts)
        const req = newRequest()
        // Each retry may go to another controller, as a NATS queue group does it.
        const endpoint = await persistently(() => claim(pick(controllers), host, network, { req }))
        live.set(endpoint.uid, endpoint.addresses[0] ?? '')
        if (random() < 0.4) {
          const release = { ...host.fence, req: newRequest(), endpoints: [endpoint.uid] }
          await persistently(() => releaseEndpoints(pick(controllers), host.host, release))
          live.delete(endpoint.uid)
        }
      }),
    )
    faulty = false

    expect(new Set(live.values()).size).toBe(live.size)
    const subnet = network.subnets[0]?.uid ?? ''
    const { entries } = await world.deps.kv.list('/weft/v1/')
    const below = (prefix: string) => entries.map(({ key }) => key).filter((key) => key.startsWith(prefix))
    const held = [...live.values()].map((ip) => addressKeyOf('held', { subnet, ip }))
    expect(below(keys.heldBelow(subnet))).toEqual(held.sort())
    expect(below(keys.endpoint(''))).toEqual([...live.keys()].map(keys.endpoint).sort())
    expect(below(keys.mac(network.uid, ''))).toHaveLength(live.size)
    await world.close()
  })
})
