/**
 * From the addresses that Docker got, one family at a time and for nobody in particular (DOCKER.md 1.2), to the one record of
 * the endpoint that they turn out to be for. A controller is asked only where there is something to merge or a MAC to settle.
 */
import { WeftError } from '@weft/shared'
import type { Controller } from '../bus/controller.ts'
import type { Fence } from '../bus/session.ts'
import { networkOf, subnetOf, withoutPrefix, withPrefix } from '../state/networks.ts'
import { type AgentState, isWired, type LocalRecord } from '../state/records.ts'
import type { StateStore } from '../state/store.ts'
import { isPlaceholder } from './placeholder.ts'

export interface SettleOptions {
  readonly store: StateStore
  readonly controller: Controller
  /** Waits a little for the host to have joined. @throws when it has not */
  readonly fence: () => Promise<Fence>
  readonly newRequestId: () => string
}

/** Of NetworkDriver.CreateEndpoint. */
export interface EndpointMessage {
  readonly NetworkID: string
  readonly EndpointID: string
  readonly Interface: { readonly Address: string; readonly AddressIPv6: string; readonly MacAddress: string }
  readonly Options: Readonly<Record<string, unknown>>
}

const BIND_MS = 5_000

/** The one record of the addresses that Docker got, merged and with its MAC settled. Throws as `bind` does, and as below. */
export async function settleRecord(
  options: SettleOptions,
  message: EndpointMessage,
  mac: string | undefined,
): Promise<LocalRecord> {
  const records = claimedRecords(options.store.current, message)
  const [primary, ...others] = [...records].sort((a, b) => Number(b.held) - Number(a.held))
  if (primary === undefined) {
    const why = 'Docker names no address'
    throw new WeftError('invalid', { what: 'endpoint without address', on: message.EndpointID, why })
  }
  return await mergeRecords(options, [primary, ...others], mac, message.EndpointID)
}

/** One endpoint of the claims, the first one's, and with the MAC if there is one. Throws as `bind` does. */
export async function mergeRecords(
  { store, controller, fence, newRequestId }: SettleOptions,
  [primary, ...others]: readonly [LocalRecord, ...LocalRecord[]],
  mac: string | undefined,
  endpointId: string,
): Promise<LocalRecord> {
  if (others.length === 0 && (mac === undefined || mac === primary.mac)) return primary
  const request = {
    ...(await fence()),
    req: newRequestId(),
    endpoint: primary.uid,
    merge: others.map(({ uid }) => uid),
    ...(mac === undefined ? {} : { mac }),
    dockerEndpointId: endpointId.slice(0, 64),
  }
  const { endpoint } = await controller.ask('bind', request, BIND_MS)
  const network = networkOf(store.current.entries, primary.network)
  const addresses = endpoint.addresses.map((address) => {
    const subnet = network === undefined ? undefined : subnetOf(network, address)
    if (subnet === undefined) throw new WeftError('internal', { what: 'address outside its network', on: address })
    return withPrefix(address, subnet)
  })
  const record = { ...primary, mac: endpoint.mac, addresses, asked: [primary, ...others].some(({ asked }) => asked) }
  store.change((state) => {
    const endpoints = new Map(state.endpoints)
    for (const { uid } of others) endpoints.delete(uid)
    return { ...state, endpoints: endpoints.set(record.uid, record) }
  })
  return record
}

/** @throws `not_found` for an address that was not given to Docker, `conflict` for one that another endpoint has */
function claimedRecords(state: AgentState, { NetworkID, EndpointID, Interface }: EndpointMessage): LocalRecord[] {
  const network = state.dockerNetworks[NetworkID]
  const records = [Interface.Address, Interface.AddressIPv6]
    .filter((address) => address !== '' && !isPlaceholder(address))
    .map((address) => {
      const found = [...state.endpoints.values()].filter(
        (record) =>
          (network === undefined ? record.phase === 'claimed' : record.network === network) &&
          record.addresses.some((own) => withoutPrefix(own) === withoutPrefix(address)),
      )
      const [record] = found
      if (record === undefined || found.length > 1) {
        const why = found.length > 1 ? 'several networks have it' : 'the agent did not give it, or has lost its record'
        throw new WeftError('not_found', {
          what: 'no such address',
          on: address,
          why,
          remedy: 'start the container again',
        })
      }
      if (isWired(record)) {
        const why = `endpoint ${record.dockerEndpointId ?? record.uid} of ${record.name ?? 'a container'} has it`
        throw new WeftError('conflict', { what: 'address is in use', on: address, why, remedy: `remove ${EndpointID}` })
      }
      return record
    })
  return [...new Set(records)]
}
