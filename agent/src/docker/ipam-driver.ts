/**
 * Docker's IPAM calls. Pools, gateways and auxiliary addresses are answered out of the intent; a container's address comes
 * from endpoint-address.ts.
 */
import { type EntryMap, formatAddress, parseAddress, WeftError } from '@weft/shared'
import { subnetOf, withoutPrefix, withPrefix } from '../state/networks.ts'
import { type AgentState, type LocalRecord, withRecord, withReleased } from '../state/records.ts'
import { type AddressOptions, endpointAddress, recordOf } from './endpoint-address.ts'
import { readMessage } from './messages.ts'
import { isPlaceholderPool, PLACEHOLDER_CIDR, placeholderAddress, placeholderPool } from './placeholder.ts'
import type { PluginHandlers } from './plugin-server.ts'
import { checkInside, hasFamily, networkByOption, type Pool, poolByCidr, poolById, poolId } from './pools.ts'

export interface IpamOptions extends AddressOptions {
  /** Networks whose Docker object is being made now: only then are auxiliary addresses asked for as such. */
  readonly creating: ReadonlySet<string>
  readonly onReleased: () => void
}

const GATEWAY = 'com.docker.network.gateway'
/** From Engine 29 on; older ones do not say who asks. */
const ENDPOINT_NAME = 'com.docker.network.endpoint.name'

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
      const name = Options[ENDPOINT_NAME]
      const wish = { pool, asked, name: typeof name === 'string' && name !== '' ? name : undefined }
      const address = given ?? (await endpointAddress(options, handed, wish))
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
  const { dockerEndpointId: _, sandbox: __, link: ___, dockerLink: ____, ports: _____, ...rest } = record
  return { ...rest, phase: 'detached', held: false, wayOut: false, settled: false, since: now }
}
