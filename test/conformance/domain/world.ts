/** A controller's domain over some store, with a hand-set clock and hosts made up as needed: what the domain suite runs in. */
import {
  type AgentReply,
  type AgentRequest,
  type Clock,
  type EndpointReport,
  type HostFacts,
  type NetworkCreateRequest,
  type NetworkView,
  WeftError,
} from '@weft/shared'
import { commitAlone } from '../../../controller/src/domain/group-commit.ts'
import {
  claimAddress,
  createNetwork,
  type DomainDeps,
  ensureMeta,
  joinHost,
  newSweepMemory,
  openClusterCache,
  releaseEndpoints,
  reportEndpoints,
  sweep,
} from '../../../controller/src/domain/index.ts'
import { keys } from '../../../controller/src/domain/pure/keys.ts'
import { etcdKv } from '../../../controller/src/store/etcd.ts'
import type { Compare, Kv } from '../../../controller/src/store/kv.ts'
import { type ModelClientOptions, ModelStore } from '../../../controller/src/store/model.ts'
import { plainRequest } from '../../support/builders.ts'
import type { EtcdServer } from '../../support/etcd.ts'

export interface DomainWorld {
  readonly deps: DomainDeps
  readonly clock: Clock & { advance(ms: number): void }
  /** Another controller on the same store. */
  another(): Promise<DomainDeps>
  /** Takes from the store what was before now. */
  compact(): Promise<unknown>
  close(): Promise<void>
}

/** A store that is empty at first: clients of it share what it holds. */
export interface StoreWorld {
  connect(): Kv
  /** Forgets what was before the revision. */
  compact(revision: number): Promise<unknown>
}

/** @param options of every client */
export function modelStore(options: ModelClientOptions = {}): StoreWorld {
  const store = new ModelStore()
  return { connect: () => store.connect(options), compact: async (revision) => store.compact(revision) }
}

export function etcdStore({ endpoint, ctl }: EtcdServer): StoreWorld {
  return {
    connect: () => etcdKv({ endpoints: [endpoint] }),
    compact: (revision) => ctl('compact', String(revision)),
  }
}

export async function openDomainWorld(open: () => Promise<StoreWorld>): Promise<DomainWorld> {
  const store = await open()
  const life = new AbortController()
  const clock = testClock()
  const kvs: Kv[] = []
  const connect = async (name: string): Promise<DomainDeps> => {
    const kv = store.connect()
    kvs.push(kv)
    let made = 0
    const randomText = (length: number) => `${name}${made++}z`.padEnd(length, '0').slice(0, length)
    await ensureMeta({ kv, clock, randomText })
    const cluster = await openClusterCache(kv, life.signal)
    // Time is set by hand; what others do at the same moment has its turn all the same.
    const pause = async (ms: number) => {
      clock.advance(ms)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return { kv, cluster, clock, randomText, quarantineMs: 10_000, pause }
  }
  return {
    deps: await connect('a'),
    clock,
    another: () => connect('b'),
    compact: async () => store.compact((await kvs[0]?.get(keys.cluster))?.revision ?? 0),
    async close() {
      life.abort()
      for (const kv of kvs) kv.close()
    },
  }
}

function testClock(): DomainWorld['clock'] {
  let now = Date.UTC(2026, 0, 1)
  return {
    now: () => now,
    monotonicMs: () => now,
    advance(ms) {
      now += ms
    },
  }
}

/** Facts of the n-th host: eth0 with 192.168.77.n/24, MTU 1500, and Docker's bridge. */
export function factsOf(n: number, changes: Partial<HostFacts> = {}): HostFacts {
  const mac = `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`
  return {
    hostname: `docker${n}`,
    kernel: '6.18',
    agentVersion: '0.1.0',
    interfaces: [
      { name: 'lo', mtu: 65536, mac: '00:00:00:00:00:00', up: true, kind: 'device', addresses: ['127.0.0.1/8'] },
      { name: 'eth0', mtu: 1500, mac, up: true, kind: 'device', addresses: [`192.168.77.${n}/24`] },
      { name: 'docker0', mtu: 1500, mac, up: false, kind: 'bridge', addresses: ['172.17.0.1/16'] },
    ],
    routes: ['192.168.77.0/24', '172.17.0.0/16'],
    underlay: { interface: 'eth0', address: `192.168.77.${n}`, mtu: 1500 },
    ...changes,
  }
}

export interface TestHost {
  readonly host: string
  readonly fence: { readonly epoch: number; readonly instance: string }
}

export async function join(deps: DomainDeps, n: number, changes: Partial<HostFacts> = {}): Promise<TestHost> {
  const host = `docker${n}`
  const instance = `instance-${n}`
  const { epoch } = await joinHost(deps, host, { instance, facts: factsOf(n, changes) })
  return { host, fence: { epoch, instance } }
}

let requests = 0
/** A request id that no other test uses. */
export const newRequest = (): string => `request-${requests++}`

export function networkRequest(name: string, changes: Partial<NetworkCreateRequest> = {}): NetworkCreateRequest {
  return { ...plainRequest(name), req: newRequest(), ...changes }
}

/** Claims an address in the network's first subnet (or the given one). */
export async function claim(
  deps: DomainDeps,
  { host, fence }: TestHost,
  network: { readonly uid: string; readonly subnets: readonly { readonly uid: string }[] },
  changes: Partial<AgentRequest<'claim'>> = {},
): Promise<AgentReply<'claim'>['endpoint']> {
  const subnet = network.subnets[0]?.uid ?? ''
  const request = { ...fence, req: newRequest(), network: network.uid, subnet, ...changes }
  return (await claimAddress(deps, host, request)).endpoint
}

/** Writes a key behind the domain's back, as a damaged or hand-edited store would have it; undefined removes it. */
export async function overwrite({ kv }: DomainDeps, key: string, value: string | undefined): Promise<void> {
  const { entry } = await kv.get(key)
  await commitAlone(kv, {
    when: [{ key, mod: entry?.modRevision ?? 0 }],
    write: [value === undefined ? { delete: key } : { put: key, value }],
    read: [],
    requestId: newRequest(),
  })
}

/** The error of a call that must fail. */
export async function failure(call: Promise<unknown>): Promise<WeftError> {
  const outcome = await call.then(
    (value) => new Error(`no error but ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (outcome instanceof WeftError) return outcome
  throw outcome
}

export async function release(deps: DomainDeps, { host, fence }: TestHost, uid: string): Promise<string[]> {
  return (await releaseEndpoints(deps, host, { ...fence, req: newRequest(), endpoints: [uid] })).released
}

export async function report(
  deps: DomainDeps,
  { host, fence }: TestHost,
  endpoints: (Pick<EndpointReport, 'uid'> & Partial<EndpointReport>)[],
  complete = false,
): Promise<string[]> {
  await deps.cluster.newest()
  const told = endpoints.map((endpoint) => ({ state: 'attached' as const, aliases: [], ...endpoint }))
  return (await reportEndpoints(deps, host, { ...fence, complete, endpoints: told })).unknown
}

/** Makes this controller the leader, whoever was: the guard of its writes. */
export async function lead(deps: DomainDeps): Promise<Compare> {
  await overwrite(deps, keys.leader, undefined)
  await overwrite(deps, keys.leader, '{}')
  const { entry } = await deps.kv.get(keys.leader)
  return { key: keys.leader, create: entry?.createRevision ?? 0 }
}

export async function endQuarantine(deps: DomainDeps, world: DomainWorld): Promise<void> {
  const memory = newSweepMemory()
  await deps.cluster.newest()
  const guard = await lead(deps)
  await sweep(deps, memory, guard)
  world.clock.advance(deps.quarantineMs)
  await sweep(deps, memory, guard)
  await deps.cluster.newest()
}

export async function uidOfMac(deps: DomainDeps, mac: string): Promise<string> {
  const view = await deps.cluster.newest()
  return [...view.endpoints.values()].find(({ value }) => value.mac === mac)?.value.uid ?? ''
}

export async function endAlive(deps: DomainDeps, host: string): Promise<void> {
  await overwrite(deps, keys.alive(host), undefined)
  await deps.cluster.newest()
}

/** A request's subnets: one, by its CIDR. */
export const on = (subnet: string) => ({ subnets: [{ subnet }] })

/** Where each test plays: a fresh world with hosts docker1 and docker2. */
export class DomainStage {
  #set: { world: DomainWorld; one: TestHost; two: TestHost } | undefined

  async open(store: () => Promise<StoreWorld>): Promise<void> {
    const world = await openDomainWorld(store)
    this.#set = { world, one: await join(world.deps, 1), two: await join(world.deps, 2) }
  }

  get world(): DomainWorld {
    return this.#now.world
  }
  get deps(): DomainDeps {
    return this.#now.world.deps
  }
  get one(): TestHost {
    return this.#now.one
  }
  get two(): TestHost {
    return this.#now.two
  }

  create(name: string, changes: Partial<NetworkCreateRequest> = {}): Promise<NetworkView> {
    return createNetwork(this.deps, networkRequest(name, changes), 'local')
  }

  get #now() {
    if (this.#set === undefined) throw new Error('the stage is not open')
    return this.#set
  }
}
