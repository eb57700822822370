/** A controller's domain over some store, with a hand-set clock and hosts made up as needed: what the domain suite runs in. */
import type { AgentReply, AgentRequest, Clock, HostFacts, NetworkCreateRequest } from '@weft/shared'
import {
  claimAddress,
  type DomainDeps,
  ensureMeta,
  joinHost,
  openClusterCache,
} from '../../controller/src/domain/index.ts'
import type { Kv } from '../../controller/src/store/kv.ts'

export interface DomainWorld {
  readonly deps: DomainDeps
  readonly clock: Clock & { advance(ms: number): void }
  /** Another controller on the same store. */
  another(): Promise<DomainDeps>
  close(): Promise<void>
}

/** Opens stores that share their content; the first call is of an empty store. */
export interface StoreWorld {
  connect(): Kv
  close(): Promise<void>
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
    const randomText = (length: number) => `${name}${made++}`.padEnd(length, '0').slice(0, length)
    await ensureMeta({ kv, clock, randomText })
    const cluster = await openClusterCache(kv, life.signal)
    return { kv, cluster, clock, randomText, quarantineMs: 10_000 }
  }
  return {
    deps: await connect('a'),
    clock,
    another: () => connect('b'),
    async close() {
      life.abort()
      for (const kv of kvs) kv.close()
      await store.close()
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
  return {
    req: newRequest(),
    name,
    driver: 'overlay',
    subnets: [],
    auxAddresses: {},
    options: {},
    labels: {},
    internal: false,
    ipv6: false,
    dryRun: false,
    ...changes,
  }
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
