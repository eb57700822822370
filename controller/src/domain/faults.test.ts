/** Lost answers and refused calls: whatever the network does to single calls, addresses stay with one owner and none leaks. */
import { WeftError } from '@weft/shared'
import { describe, expect, it } from 'vitest'
import {
  claim,
  join,
  modelStore,
  networkRequest,
  newRequest,
  on,
  openDomainWorld,
} from '../../../test/conformance/domain/world.ts'
import type { ModelCall, ModelFault } from '../store/model.ts'
import { createNetwork, releaseEndpoints, reserveAddresses } from './index.ts'
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

/** Two controllers and two hosts on a store that, while `faults` are on, loses answers and refuses calls. */
async function openFaulty(seed: number) {
  const random = seeded(seed)
  const faults = { on: false }
  const fault = (call: ModelCall): ModelFault => {
    if (!faults.on || (call !== 'txn' && call !== 'range')) return 'none'
    const drawn = random()
    if (call === 'txn' && drawn < 0.2) return 'break-answer'
    return drawn < 0.3 ? 'refuse' : 'none'
  }
  const world = await openDomainWorld(async () => modelStore({ fault, random }))
  const controllers = [world.deps, await world.another()]
  const hosts = [await join(world.deps, 1), await join(world.deps, 2)]
  return { random, faults, world, controllers, hosts }
}

describe('under faults of the store', () => {
  it.each([1, 2, 3, 4, 5])('keeps addresses and endpoints one to one, seed %i', async (seed) => {
    const { random, faults, world, controllers, hosts } = await openFaulty(seed)
    const network = await createNetwork(
      world.deps,
      networkRequest('front', { subnets: [{ subnet: '10.1.0.0/24' }] }),
      'local',
    )
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T

    faults.on = true
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
    faults.on = false

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

  it.each([1, 2, 3, 4, 5])(
    'gives what belongs to a name to nobody else, and to one at a time, seed %i',
    async (seed) => {
      const { random, faults, world, controllers, hosts } = await openFaulty(seed)
      const network = await createNetwork(world.deps, networkRequest('front', on('10.1.0.0/24')), 'local')
      const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
      const reservations = new Map<string, string>()
      for (const [index, name] of ['web', 'db', 'cache'].entries()) {
        const addresses = [`10.1.0.${20 + index}`]
        await reserveAddresses(world.deps, 'front', { req: newRequest(), name, addresses }, 'local')
        reservations.set(name, addresses[0] ?? '')
      }

      faults.on = true
      const live = new Map<string, { name: string; ip: string }>()
      /** A container's life; of two of one name that live at once one is refused. */
      const run = async (name: string): Promise<void> => {
        const host = pick(hosts)
        const req = newRequest()
        const given = await persistently(() => claim(pick(controllers), host, network, { req, names: [name] })).catch(
          (error: WeftError) => error,
        )
        if (given instanceof WeftError) return expect(given.code).toBe('conflict')
        const ip = given.addresses[0] ?? ''
        expect(ip === reservations.get(name) || !reservations.has(name)).toBe(true)
        expect([...live.values()].some((other) => other.ip === ip && other.name !== name)).toBe(false)
        live.set(given.uid, { name, ip })
        if (random() < 0.6) {
          const release = { ...host.fence, req: newRequest(), endpoints: [given.uid] }
          live.delete(given.uid)
          await persistently(() => releaseEndpoints(pick(controllers), host.host, release))
        }
      }
      for (let round = 0; round < 4; round++) {
        await Promise.all(['web', 'db', 'cache', 'web', 'db', 'any1', 'any2', 'any3'].map(run))
      }
      faults.on = false

      const view = await world.deps.cluster.newest()
      for (const [name, ip] of reservations) {
        const holders = [...view.endpoints.values()].filter(({ value }) => value.addresses[0]?.ip === ip)
        expect(holders.length).toBeLessThan(2)
        for (const { value } of holders) expect([value.name, value.reserved]).toEqual([name, true])
        const key = addressKeyOf('reserved', { subnet: network.subnets[0]?.uid ?? '', ip })
        expect(JSON.parse((await world.deps.kv.get(key)).entry?.value ?? '{}')).toMatchObject({
          purpose: 'name',
          label: name,
        })
      }
      const macs = (await world.deps.kv.list(keys.mac(network.uid, ''))).entries.map(({ value }) => JSON.parse(value))
      expect(macs.filter(({ reservation }) => reservation !== undefined)).toHaveLength(reservations.size)
      await world.close()
    },
  )
})
