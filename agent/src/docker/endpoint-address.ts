/**
 * The address of a container's endpoint: what its container holds since it last ran, else what a controller gives it. A
 * controller is told who may be asking, because an address may belong to a container's name.
 *
 * Invariant: what belongs to a name is handed out only to a container that is known to have it, or that names the address.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentReply, EndpointName, familyOf, WeftError } from '@weft/shared'
import type { Controller } from '../bus/controller.ts'
import type { Fence } from '../bus/session.ts'
import { subnetOf, withoutPrefix, withPrefix } from '../state/networks.ts'
import { type AgentState, isWired, type LocalRecord, withRecord } from '../state/records.ts'
import type { StateStore } from '../state/store.ts'
import { yieldingEndpoints } from '../state/yields.ts'
import { type Asker, askersOf } from './askers.ts'
import type { ContainersOnDisk } from './containers-on-disk.ts'
import type { Pool } from './pools.ts'
import { mountedContainers, showsMounts } from './starting.ts'

export interface AddressOptions {
  readonly store: StateStore
  readonly controller: Controller
  readonly containers: ContainersOnDisk
  /** Waits a little for the host to have joined. @throws when it has not */
  readonly fence: () => Promise<Fence>
  /** Containers that Weft itself connects now, as `<network uid> <container id>`. */
  readonly connecting: ReadonlySet<string>
  readonly newRequestId: () => string
  readonly now: () => number
  /** A start was refused because others of the network started at the same moment. */
  readonly onUndecided: () => void
}

/** What Docker asks for. */
export interface AddressWish {
  readonly pool: Pool
  /** `--ip`, in its one text. */
  readonly asked: string | undefined
  /** Name of the endpoint, which is its container's: engines from 29 on tell it. */
  readonly name: string | undefined
}

/** Half of it for an answer over NATS: longer than a controller waits for a reserved address to be let go. */
const CLAIM_MS = 6_000
/** A container that was removed a moment ago gives its address back within that: `docker rm` and `docker run --ip`. */
const LEAVING_MS = 1_500
const LOOK_MS = 20

/** @throws what the controller answers, and `conflict` when another container of this host has the asked-for address */
export async function endpointAddress(
  options: AddressOptions,
  handed: Set<string>,
  wish: AddressWish,
): Promise<string> {
  const { store, now } = options
  const { pool, asked } = wish
  if (asked !== undefined) await leftBehind(options, pool, asked)
  const askers = whoAsks(options, handed, wish)
  const own =
    asked === undefined ? askersOwn(store.current, pool, handed, askers) : heldByAsker(store.current, pool, asked)
  if (own !== undefined) {
    handed.add(handedKey(pool, own.address))
    store.change((state) => withRecord(state, keptBy(own.record, now())))
    store.keep()
    return own.address
  }
  const answer = await claim(options, wish, askers)
  const record = claimed(pool, answer, askers ?? [], { asked: asked !== undefined, now: now() })
  const address = withoutPrefix(record.addresses.find((each) => isOfFamily(each, pool)) ?? record.addresses[0] ?? '')
  handed.add(handedKey(pool, address))
  store.change((state) => withRecord(state, record))
  store.keep()
  return address
}

export function handedKey({ network }: Pick<Pool, 'network'>, address: string): string {
  return `${network.uid} ${address}`
}

/** Undefined when nothing shows, since the engine has not answered yet. */
function whoAsks(
  { store, containers, connecting }: AddressOptions,
  handed: ReadonlySet<string>,
  { pool, asked, name }: AddressWish,
): readonly Asker[] | undefined {
  const { docker, dockerNetworks, endpoints } = store.current
  const { network, subnet } = pool
  const inNetwork = (each: string) => (each.startsWith(`${network.uid} `) ? [each.slice(network.uid.length + 1)] : [])
  const found =
    docker === null
      ? undefined
      : askersOf(containers.mounted(docker), {
          network,
          family: familyOf(subnet.cidr),
          asked,
          dockerNetworks,
          records: [...endpoints.values()].filter((record) => record.network === network.uid),
          isHanded: (address) => handed.has(handedKey(pool, withoutPrefix(address))),
          connecting: new Set([...connecting].flatMap(inNetwork)),
        })
  if (name === undefined) return found
  const named = found?.filter((asker) => asker.name === name) ?? []
  return named.length === 1 ? named : [{ id: '', name }]
}

/** One request to a controller. What this host itself is giving back at the moment is gone first. */
async function claim(
  options: AddressOptions,
  { pool, asked }: AddressWish,
  askers: readonly Asker[] | undefined,
): Promise<AgentReply<'claim'>> {
  const { store, controller, fence, newRequestId, onUndecided } = options
  const names = askers?.map(({ name }) => name).filter((name) => EndpointName.safeParse(name).success)
  const until = performance.now() + LEAVING_MS
  try {
    for (;;) {
      const answer = await controller.ask(
        'claim',
        {
          ...(await fence()),
          req: newRequestId(),
          network: pool.network.uid,
          subnet: pool.subnet.uid,
          ...(asked === undefined ? {} : { address: asked }),
          ...(names === undefined ? {} : { names: names.slice(0, 1000) }),
        },
        CLAIM_MS,
      )
      const leaving = store.current.releases.some(({ endpoints }) => endpoints.includes(answer.endpoint.uid))
      if (!leaving || performance.now() > until) return answer
      await sleep(LOOK_MS)
    }
  } catch (thrown) {
    const error = WeftError.from(thrown)
    if (error.code === 'conflict' && asked === undefined && (names?.length ?? 0) > 1) onUndecided()
    throw error
  }
}

/** Waits while the asked-for address is a stopped container's that is not the asker, as long as it may be on its way out. */
async function leftBehind({ store }: AddressOptions, pool: Pool, asked: string): Promise<void> {
  const holder = recordOf(store.current, pool.network.uid, asked)
  if (holder?.phase !== 'detached') return
  const until = performance.now() + LEAVING_MS
  while (performance.now() < until) {
    const { endpoints, releases, docker } = store.current
    const record = endpoints.get(holder.uid)
    const leaving = releases.some((release) => release.endpoints.includes(holder.uid))
    if (record === undefined ? !leaving : record.phase !== 'detached' || mayTake(record, docker)) return
    await sleep(LOOK_MS)
  }
}

interface Own {
  readonly record: LocalRecord
  readonly address: string
}

/** What the one container that is being started holds in this subnet; undefined unless exactly one could be meant. */
function askersOwn(
  state: AgentState,
  pool: Pool,
  handed: ReadonlySet<string>,
  askers: readonly Asker[] | undefined,
): Own | undefined {
  if (askers === undefined || state.docker === null) return undefined
  const ids = askers.map(({ id }) => id)
  const yielding = yieldingEndpoints(state)
  const found = holdersIn(state, pool)
    .filter(({ record }) => !yielding.includes(record.uid))
    // What a stopped container holds was let go of, whether or not Docker has told.
    .filter(({ record, address }) => record.phase === 'detached' || !handed.has(handedKey(pool, address)))
    .filter(({ record }) => record.containerId !== undefined && ids.includes(record.containerId))
  const [own] = found
  if (own === undefined || found.length > 1) return undefined
  // Among several that may be the asker, one that keeps an address is taken for it: a wrong guess costs an address.
  const sure = askers.length === 1
  return sure || (showsMounts(state.docker) && !isReserved(state, own.record)) ? own : undefined
}

function isReserved({ entries }: AgentState, { uid, reserved }: LocalRecord): boolean {
  const entry = entries.get(`endpoint/${uid}`)
  return reserved === true || (entry?.kind === 'endpoint' && entry.reserved === true)
}

/**
 * The record of the asked-for address when its container is the one that starts; undefined when no container of this
 * host has it. @throws `conflict` when another one has it
 */
function heldByAsker(state: AgentState, { network }: Pool, asked: string): Own | undefined {
  const record = recordOf(state, network.uid, asked)
  if (record === undefined) return undefined
  // Its other family was asked for a moment ago: `--ip` and `--ip6`.
  const other = record.phase === 'claimed' && hasOther(record)
  if ((record.phase === 'detached' || other) && mayTake(record, state.docker)) return { record, address: asked }
  const who = record.name ?? record.containerId?.slice(0, 12) ?? `endpoint ${record.uid}`
  throw new WeftError('conflict', {
    what: 'address is in use',
    on: asked,
    why: `container ${who} of this host ${isWired(record) ? 'has' : 'keeps'} it in network ${network.name}`,
    remedy: 'ask for another address, or remove that container first',
  })
}

/** Whether the stopped container of the record is the one that starts; where that does not show, `--ip` is believed. */
function mayTake({ containerId, asked }: LocalRecord, docker: AgentState['docker']): boolean {
  if (containerId === undefined) return false
  const mounted = mountedContainers(docker, [containerId])
  return mounted === undefined ? asked : mounted.length === 1
}

export function recordOf(state: AgentState, network: string, address: string): LocalRecord | undefined {
  return [...state.endpoints.values()].find(
    (record) => record.network === network && record.addresses.some((own) => withoutPrefix(own) === address),
  )
}

/** Stopped containers' addresses of the subnet's family, those included whose other family was asked for a moment ago. */
function holdersIn(state: AgentState, pool: Pool): Own[] {
  return [...state.endpoints.values()]
    .filter((record) => record.network === pool.network.uid)
    .filter((record) => record.phase === 'detached' || (record.phase === 'claimed' && hasOther(record)))
    .flatMap((record) => {
      const address = record.addresses.find((each) => isOfFamily(each, pool))
      return address === undefined ? [] : [{ record, address: withoutPrefix(address) }]
    })
}

/** What a stopped container held, or a reservation, has its addresses of both families at once. */
function hasOther({ held, addresses }: LocalRecord): boolean {
  return held || addresses.length > 1
}

function keptBy(record: LocalRecord, now: number): LocalRecord {
  return { ...record, phase: 'claimed', held: record.held || record.phase === 'detached', since: now }
}

function isOfFamily(address: string, { subnet }: Pool): boolean {
  return address.includes(':') === subnet.cidr.includes(':')
}

/** The record of an address that a controller has given. */
export function claimed(
  { network, subnet }: Pool,
  { endpoint, reservedFor }: AgentReply<'claim'>,
  askers: readonly Asker[],
  { asked, now }: { readonly asked: boolean; readonly now: number },
): LocalRecord {
  const [only] = askers
  const asker = askers.length === 1 ? only : askers.find(({ name }) => name === reservedFor)
  return {
    uid: endpoint.uid,
    network: network.uid,
    mac: endpoint.mac,
    addresses: endpoint.addresses.map((address) => withPrefix(address, subnetOf(network, address) ?? subnet)),
    phase: 'claimed',
    held: false,
    since: now,
    asked,
    wayOut: false,
    settled: false,
    ...(asker === undefined || asker.id === '' ? {} : { containerId: asker.id }),
    ...(asker === undefined ? {} : { name: asker.name }),
    ...(reservedFor === undefined ? {} : { reserved: true }),
    aliases: [],
  }
}
