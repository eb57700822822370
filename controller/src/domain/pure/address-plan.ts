/** Every address of a network that is somebody's or nobody's: who has it, where, and since when. Pure. */
import { type AddressView, addressFromHex, formatAddress } from '@weft/shared'
import { networkByRef } from './find.ts'
import type { EndpointRecord, NetworkRecord, ReservedRecord, SubnetRecord } from './records.ts'
import { type ClusterView, reservationOf, subnetsOf } from './view.ts'

/**
 * Subnet by subnet, addresses ascending. Free addresses are not in it.
 * @param ref network: name, uid or unique beginning of a uid
 * @throws `not_found`
 */
export function addressPlan(view: ClusterView, ref: string): AddressView[] {
  const { value: network } = networkByRef(view, ref)
  return subnetsOf(view, network).flatMap((subnet) => {
    const pool = view.pools.get(subnet.uid)
    const hexes = [...new Set([...(pool?.held.keys() ?? []), ...(pool?.reserved.keys() ?? [])])].sort()
    return hexes.map((hex) => viewOf(view, network, subnet, hex))
  })
}

function viewOf(view: ClusterView, network: NetworkRecord, subnet: SubnetRecord, hex: string): AddressView {
  const pool = view.pools.get(subnet.uid)
  const place = { address: formatAddress(addressFromHex(hex)), subnet: subnet.cidr }
  const reserved = pool?.reserved.get(hex)?.value
  const name = reserved?.purpose === 'name' ? reserved.label : undefined
  const reservedFor = name === undefined ? {} : { reservedFor: name }
  const held = pool?.held.get(hex)
  if (held === undefined) return { ...place, ...ofNobody(view, network, reserved), ...reservedFor }
  const endpoint = view.endpoints.get(held.value.endpoint)?.value
  if (endpoint === undefined) return { ...place, state: 'pending', host: held.value.host, ...reservedFor }
  return {
    ...place,
    state: endpoint.state,
    ...holderOf(endpoint),
    host: endpoint.host,
    endpoint: endpoint.uid,
    mac: endpoint.mac,
    ...reservedFor,
    since: endpoint.createdAt,
  }
}

/** The container's name; of an endpoint that is no container's: what it is. */
function holderOf({ name, holder }: EndpointRecord): { holder?: string } {
  if (holder?.kind === 'router') return { holder: `router ${holder.name}` }
  if (holder?.kind === 'shim') return { holder: 'host shim' }
  return name === undefined ? {} : { holder: name }
}

/** An address that no endpoint has: of the network itself, at rest, or kept for a name. */
function ofNobody(
  view: ClusterView,
  network: NetworkRecord,
  reserved: ReservedRecord | undefined,
): Pick<AddressView, 'state' | 'holder' | 'mac' | 'since' | 'until'> {
  const label = reserved?.label === undefined ? {} : { holder: reserved.label }
  const purpose = reserved?.purpose
  if (purpose === 'name') {
    const { mac, createdAt } = reservationOf(view, network.uid, reserved?.label)?.value ?? {}
    return {
      state: 'reserved',
      ...label,
      ...(mac === undefined ? {} : { mac }),
      ...(createdAt === undefined ? {} : { since: createdAt }),
    }
  }
  if (purpose === 'quarantine') {
    return { state: purpose, ...label, ...(reserved?.until === undefined ? {} : { until: reserved.until }) }
  }
  return { state: purpose ?? 'reserved', ...label, since: network.createdAt }
}
