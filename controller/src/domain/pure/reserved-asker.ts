/** Whether a claim is for what belongs to a container's name (T2), as far as the agent could tell who asks. Pure. */
import { type AgentRequest, listed, WeftError } from '@weft/shared'
import { reservedAddress } from './holders.ts'
import type { NetworkRecord, SubnetRecord } from './records.ts'
import { addressInFamily, nameOfAddress } from './reservations.ts'
import { type ClusterView, reservationOf } from './view.ts'

/**
 * The name whose reservation the claim is for; undefined when none is concerned.
 * @throws `conflict` when the asked-for address belongs to another name, or when it does not show whether the asker is one
 * that has a reservation
 */
export function reservedAsker(
  view: ClusterView,
  network: NetworkRecord,
  subnet: SubnetRecord,
  { names = [], address }: AgentRequest<'claim'>,
): string | undefined {
  if (address !== undefined) {
    const owner = nameOfAddress(view, { subnet: subnet.uid, ip: address })
    // Among several that may be the asker, an explicit address says which one it is.
    if (owner === undefined || names.includes(owner)) return owner
    throw reservedAddress(address, network.name, subnet.cidr, { purpose: 'name', label: owner })
  }
  const reserved = names.flatMap((name) => {
    const reservation = reservationOf(view, network.uid, name)?.value
    const own = reservation === undefined ? undefined : addressInFamily(reservation, subnet)
    return own === undefined ? [] : [{ name, ip: own.ip }]
  })
  const [first] = reserved
  if (first === undefined || names.length === 1) return first?.name
  throw new WeftError('conflict', {
    what: `it does not show which container asks for an address in network ${network.name}`,
    on: listed(names, 10),
    why: `${reserved.map(({ name, ip }) => `${ip} belongs to ${name}`).join(', ')}, and this Docker does not say who asks`,
    remedy: `say which address is meant (--ip ${first.ip}; weft ip ls ${network.name}), or start these one after another`,
  })
}
