/**
 * Allocations per second beside raw etcd creates, on one real etcd with fsync. Rounds are interleaved, since the machine is
 * noisy: trust the ratios. Alone: `npx node --conditions=source test/bench/allocate.ts [COUNT]`.
 */
import { claimAddress, createNetwork, type DomainDeps } from '../../controller/src/domain/index.ts'
import type { Kv } from '../../controller/src/store/kv.ts'
import {
  etcdStore,
  join,
  networkRequest,
  newRequest,
  openDomainWorld,
  type TestHost,
} from '../conformance/domain/world.ts'
import { startEtcd } from '../support/etcd.ts'

const IN_FLIGHT = 64

/** Runs `total` calls with a fixed number in flight; calls per second. */
async function rate(total: number, inFlight: number, call: (index: number) => Promise<unknown>): Promise<number> {
  const start = performance.now()
  let next = 0
  const worker = async () => {
    while (next < total) await call(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return (total / (performance.now() - start)) * 1_000
}

let keys = 0
/** Creates keys of an allocation's size, `together` in one transaction. */
async function rawCreate(kv: Kv, together: number): Promise<void> {
  const names = Array.from({ length: together }, () => `/raw/${keys++}`)
  const value = 'x'.repeat(120)
  const when = names.map((key) => ({ key, create: 0 }))
  // biome-ignore lint/suspicious/noThenProperty: the store's word for the branch
  await kv.txn({ if: when, then: names.map((key) => ({ put: key, value })), else: [] }, { requestId: `raw-${keys}` })
}

async function claimIn(deps: DomainDeps, { host, fence }: TestHost, subnets: string, plan: Plan): Promise<number> {
  const network = await createNetwork(deps, networkRequest(`n${keys++}`, { subnets: [{ subnet: subnets }] }), 'local')
  const subnet = network.subnets[0]?.uid ?? ''
  const one = () => claimAddress(deps, host, { ...fence, req: newRequest(), network: network.uid, subnet })
  await rate(plan.fill, 256, one)
  return rate(plan.count, IN_FLIGHT, one)
}

/** `fill` addresses are given before `count` are measured. */
interface Plan {
  readonly fill: number
  readonly count: number
}

/** Per second, by round. The last allocation of "99 % full" fills a /19 (8,189 usable) to that. */
export async function measureAllocations(rounds = 3, count = 6_000): Promise<Record<string, number[]>> {
  const etcd = await startEtcd()
  try {
    const world = await openDomainWorld(async () => etcdStore(etcd))
    const { deps } = world
    const host = await join(deps, 1)
    const samples = { one: [] as number[], many: [] as number[], empty: [] as number[], full: [] as number[] }
    const nearlyFull = { fill: Math.floor(8_189 * 0.99) - Math.floor(count / 4), count: Math.floor(count / 4) }
    // The first calls of a process run uncompiled code.
    await claimIn(deps, host, '12.0.0.0/16', { fill: 0, count: Math.floor(count / 4) })
    for (let round = 0; round < rounds; round++) {
      samples.one.push(await rate(count / 4, IN_FLIGHT, () => rawCreate(deps.kv, 1)))
      samples.many.push(48 * (await rate(count / 16, 4, () => rawCreate(deps.kv, 48))))
      samples.empty.push(await claimIn(deps, host, `10.${round}.0.0/16`, { fill: 0, count }))
      samples.full.push(await claimIn(deps, host, `11.${round}.0.0/19`, nearlyFull))
    }
    await world.close()
    return {
      'raw etcd, one a txn': samples.one,
      'raw etcd, 48 a txn': samples.many,
      'Weft, 64 in flight': samples.empty,
      'Weft, 64 in flight, 99 % full': samples.full,
    }
  } finally {
    await etcd.stop()
  }
}

if (process.argv[1] === import.meta.filename) {
  for (const [name, values] of Object.entries(await measureAllocations(3, Number(process.argv[2] ?? 6_000)))) {
    console.log(`${name.padEnd(30)} ${values.map((value) => value.toFixed(0).padStart(7)).join(' ')}`)
  }
}
