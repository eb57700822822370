/**
 * Docker's IPAM calls. Pools, gateways and auxiliary addresses are answered out of the intent; an address comes from what
 * a stopped container holds, or by one request to a controller. Docker does not say for whom it asks (starting.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type EndpointSpec, type EntryMap, formatAddress, parseAddress, WeftError } from '@weft/shared'
import type { Controller } from '../bus/controller.ts'
import type { Fence } from '../bus/session.ts'
import { subnetOf, withoutPrefix, withPrefix } from '../state/networks.ts'
import { type AgentState, isWired, type LocalRecord, withRecord, withReleased } from '../state/records.ts'
import type { StateStore } from '../state/store.ts'
import { readMessage } from './messages.ts'
import { isPlaceholderPool, PLACEHOLDER_CIDR, placeholderAddress, placeholderPool } from './placeholder.ts'
import type { PluginHandlers } from './plugin-server.ts'
import { checkInside, hasFamily, networkByOption, type Pool, poolByCidr, poolById, poolId } from './pools.ts'
import { mountedContainers } from './starting.ts'

export interface IpamOptions {
  readonly store: StateStore
  readonly controller: Controller
  /** Waits a little for the host to have joined. @throws when it has not */
  readonly fence: () => Promise<Fence>
  /** Networks whose Docker object is being made now: only then are auxiliary addresses asked for as such. */
  readonly creating: ReadonlySet<string>
  readonly newRequestId: () => string
  readonly now: () => number
  readonly onReleased: () => void
}

const CLAIM_MS = 5_000
const GATEWAY = 'com.docker.network.gateway'

export function createIpamDriver(options: IpamOptions): PluginHandlers {
  const { store } = options
  const handed = new Set<string>()
  return {
    'IpamDriver.GetCapabilities': () => ({ RequiresMACAddress: false, RequiresRequestReplay: false }),
    'IpamDriver.GetDefaultAddressSpaces': () => ({
      LocalDefaultAddressSpace: 'weft-local',
      GlobalDefaultAddressSpace: 'weft-global',
    }),
    'IpamDriver.RequestPool': (body) => {
      const { Pool, Options, V6 } = readMessage('IpamDriver.RequestPool', body)
      const entries = knownEntries(store.current)
      const network = networkByOption(entries, Options)
      if (V6 !== true && Pool === '' && !hasFamily(network, 4))
        return { PoolID: placeholderPool(network.uid), Pool: PLACEHOLDER_CIDR, Data: {} }
      const pool = poolByCidr(network, Pool, V6 === true)
      return { PoolID: poolId(pool), Pool: pool.subnet.cidr, Data: {} }
    },
    'IpamDriver.ReleasePool': (body) => {
      readMessage('IpamDriver.ReleasePool', body)
      return {}
    },
    'IpamDriver.RequestAddress': async (body) => {
      const { PoolID, Address, Options } = readMessage('IpamDriver.RequestAddress', body)
      if (isPlaceholderPool(PoolID)) return { Address: placeholderAddress(options.newRequestId()), Data: {} }
      const pool = poolById(knownEntries(store.current), PoolID)
      const asked = Address === '' ? undefined : formatAddress(parseAddress(Address))
      if (asked !== undefined) checkInside(asked, pool)
      const given = fixedAddress(pool, asked, Options.RequestAddressType === GATEWAY, options.creating)
      const address = given ?? (await endpointAddress(options, handed, pool, asked))
      // From a full subnet the controller goes on to the network's others.
      return { Address: withPrefix(address, subnetOf(pool.network, address) ?? pool.subnet), Data: {} }
    },
    'IpamDriver.ReleaseAddress': (body) => {
      const { PoolID, Address } = readMessage('IpamDriver.ReleaseAddress', body)
      if (isPlaceholderPool(PoolID)) return {}
      const [network = ''] = PoolID.split('/')
      const address = formatAddress(parseAddress(withoutPrefix(Address)))
      store.change((state) => givenBack(state, network, address, options))
      store.keep()
      handed.delete(`${network} ${address}`)
      options.onReleased()
      return {}
    },
  }
}

/** @throws `unavailable` before the first intent: what is not in it is not unknown, but not known yet */
function knownEntries({ position, entries }: AgentState): EntryMap {
  if (position !== null) return entries
  const why = 'this host has had no intent from a controller yet'
  throw new WeftError('unavailable', {
    what: 'networks are not known yet',
    why,
    remedy: 'see weft status, then try again',
  })
}

/** The gateway, or an auxiliary address while Docker makes the network; undefined for a container's address. */
function fixedAddress(
  { network, subnet }: Pool,
  asked: string | undefined,
  gateway: boolean,
  creating: ReadonlySet<string>,
): string | undefined {
  if (!gateway) {
    const auxiliary = asked !== undefined && Object.values(subnet.auxAddresses).includes(asked)
    return auxiliary && creating.has(network.uid) ? asked : undefined
  }
  const address = asked ?? subnet.gateway
  if (address !== undefined && address === subnet.gateway) return address
  // Docker wants an address here even where nobody routes; the subnet's own is nobody's.
  if (asked === undefined) return withoutPrefix(subnet.cidr)
  const why = `network ${network.name} has ${subnet.gateway ?? 'none'} in ${subnet.cidr}`
  throw new WeftError('invalid', {
    what: 'not the gateway',
    on: asked,
    why,
    remedy: 'create it with `weft network create`',
  })
}

async function endpointAddress(
  options: IpamOptions,
  handed: Set<string>,
  pool: Pool,
  asked: string | undefined,
): Promise<string> {
  const { store, now } = options
  if (asked !== undefined) await leftBehind(options, pool, asked)
  const own = asked === undefined ? askersOwn(store.current, pool, handed) : heldByAsker(store.current, pool, asked)
  if (own !== undefined) {
    handed.add(`${pool.network.uid} ${own.address}`)
    store.change((state) => withRecord(state, { ...own.record, phase: 'claimed', held: true, since: now() }))
    store.keep()
    return own.address
  }
  const { endpoint } = await options.controller.ask(
    'claim',
    {
      ...(await options.fence()),
      req: options.newRequestId(),
      network: pool.network.uid,
      subnet: pool.subnet.uid,
      ...(asked === undefined ? {} : { address: asked }),
    },
    CLAIM_MS,
  )
  const record = claimed(pool, endpoint, asked !== undefined, now())
  store.change((state) => withRecord(state, record))
  store.keep()
  return withoutPrefix(record.addresses[0] ?? '')
}

/** A container that was removed a moment ago gives its address back within that: `docker rm` and `docker run --ip`. */
const LEAVING_MS = 1_500
const LOOK_MS = 20

/** Waits while the asked-for address is a stopped container's that is not the asker, as long as it may be on its way out. */
async function leftBehind({ store }: IpamOptions, pool: Pool, asked: string): Promise<void> {
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
function askersOwn(state: AgentState, pool: Pool, handed: ReadonlySet<string>): Own | undefined {
  const holders = holdersIn(state, pool).filter(({ address }) => !handed.has(`${pool.network.uid} ${address}`))
  const containers = holders.flatMap(({ record }) => record.containerId ?? [])
  if (containers.length === 0) return undefined
  const mounted = mountedContainers(state.docker, containers)
  const askers = holders.filter(({ record }) => mounted?.includes(record.containerId ?? '') === true)
  return askers.length === 1 ? askers[0] : undefined
}

/**
 * The record of the asked-for address when its container is the one that starts; undefined when no container of this
 * host has it. @throws `conflict` when another one has it
 */
function heldByAsker(state: AgentState, { network }: Pool, asked: string): Own | undefined {
  const record = recordOf(state, network.uid, asked)
  if (record === undefined) return undefined
  // Its other family was asked for a moment ago: `--ip` and `--ip6`.
  const other = record.phase === 'claimed' && record.held
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

function recordOf(state: AgentState, network: string, address: string): LocalRecord | undefined {
  return [...state.endpoints.values()].find(
    (record) => record.network === network && record.addresses.some((own) => withoutPrefix(own) === address),
  )
}

/** Stopped containers' addresses of the subnet's family, those included whose other family was asked for a moment ago. */
function holdersIn(state: AgentState, { network, subnet }: Pool): Own[] {
  return [...state.endpoints.values()]
    .filter((record) => record.network === network.uid)
    .filter((record) => record.phase === 'detached' || (record.phase === 'claimed' && record.held))
    .flatMap((record) => {
      const address = record.addresses.find((each) => each.includes(':') === subnet.cidr.includes(':'))
      return address === undefined ? [] : [{ record, address: withoutPrefix(address) }]
    })
}

/** The record of an address that a controller has given. */
export function claimed({ network, subnet }: Pool, endpoint: EndpointSpec, asked: boolean, now: number): LocalRecord {
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
    aliases: [],
  }
}

/**
 * Docker is done with an address. A container's own stays with it; what nothing came of goes back. An endpoint whose
 * DeleteEndpoint never reached us ends here.
 */
function givenBack(state: AgentState, network: string, address: string, options: IpamOptions): AgentState {
  const record = recordOf(state, network, address)
  if (record === undefined || record.phase === 'detached') return state
  const keeps = record.phase === 'claimed' ? record.held : record.containerId !== undefined
  return keeps
    ? withRecord(state, detached(record, options.now()))
    : withReleased(state, [record.uid], options.newRequestId())
}

/** The record of a stopped container. */
export function detached(record: LocalRecord, now: number): LocalRecord {
  const { dockerEndpointId: _, sandbox: __, link: ___, ports: ____, ...rest } = record
  return { ...rest, phase: 'detached', held: false, wayOut: false, settled: false, since: now }
}
