/** Who has an address, in words: what every refusal of an address ends with. */
import { addressFromHex, cidrSize, formatAddress, parseCidr, WeftError } from '@weft/shared'
import type { EndpointRecord, ReservedRecord, SubnetRecord } from './records.ts'
import type { ClusterView } from './view.ts'

/** "container web (1a2b3c4d5e6f) on docker1", or the endpoint's id while its container is not known yet; of Weft's own, what it is. */
export function describeEndpoint(record: EndpointRecord): string {
  if (record.holder?.kind === 'shim') return `the host shim of ${record.host}`
  if (record.holder?.kind === 'router') return `router ${record.holder.name} on ${record.host}`
  const id = record.containerId === undefined ? '' : ` (${record.containerId.slice(0, 12)})`
  const what = record.name === undefined ? `endpoint ${record.uid}${id}` : `container ${record.name}${id}`
  return `${what} on ${record.host}`
}

/** "container web (1a2b…) on docker1 at 10.0.0.5" of at most `most` endpoints, and how many more there are. */
export function describeEndpoints(records: readonly EndpointRecord[], most = 10): string {
  const named = records
    .slice(0, most)
    .map((record) => `${describeEndpoint(record)} at ${record.addresses.map(({ ip }) => ip).join(' and ')}`)
  const more = records.length - named.length
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ')
}

export function heldByEndpoint(ip: string, holder: EndpointRecord): WeftError {
  return new WeftError('conflict', {
    what: 'address is in use',
    on: ip,
    why: `${describeEndpoint(holder)} has it since ${holder.createdAt}`,
    remedy:
      holder.holder === undefined
        ? 'ask for another address, or remove that container first'
        : 'ask for another address',
  })
}

export function reservedAddress(
  ip: string,
  network: string,
  cidr: string,
  reserved: Pick<ReservedRecord, 'purpose' | 'label' | 'until' | 'unasked'>,
): WeftError {
  if (reserved.purpose === 'name') {
    return new WeftError('conflict', {
      what: 'address is reserved',
      on: ip,
      why: `in network ${network} it belongs to container name ${reserved.label}`,
      remedy: `ask for another address, name the container ${reserved.label}, or: weft ip release ${network} ${ip}`,
    })
  }
  if (reserved.purpose === 'quarantine') {
    const unasked = reserved.unasked === true ? ', and its host was removed without being asked to give it up' : ''
    return new WeftError('conflict', {
      what: 'address rests',
      on: ip,
      why: `${reserved.label ?? 'somebody'} had it${unasked}`,
      remedy: `try again after ${reserved.until ?? 'some seconds'}, or ask for another address of ${cidr}`,
    })
  }
  const label = reserved.label === undefined ? '' : ` (${reserved.label})`
  const article = reserved.purpose === 'anycast' || reserved.purpose === 'auxiliary' ? 'an' : 'the'
  return new WeftError('conflict', {
    what: 'address is reserved',
    on: ip,
    why: `it is ${article} ${reserved.purpose} address${label} of ${cidr}`,
    remedy: 'ask for another address, or leave the choice to Weft',
  })
}

/** No address left: the subnet, its size, what fills it, and who holds what. */
export function exhausted(view: ClusterView, network: string, subnet: SubnetRecord): WeftError {
  const pool = view.pools.get(subnet.uid)
  const reserved = [...(pool?.reserved ?? [])].filter(([hex]) => pool?.held.has(hex) !== true)
  const resting = reserved.filter(([, record]) => record?.value.purpose === 'quarantine').length
  const names = reserved
    .flatMap(([hex, record]) =>
      record?.value.purpose === 'name' ? [`${formatAddress(addressFromHex(hex))} for ${record.value.label}`] : [],
    )
    .sort()
  const holders = [...(pool?.held ?? [])]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, 10)
    .map(([hex, held]) => {
      const endpoint = view.endpoints.get(held?.value.endpoint ?? '')?.value
      const who = endpoint === undefined ? `host ${held?.value.host ?? 'unknown'}` : describeEndpoint(endpoint)
      return `${formatAddress(addressFromHex(hex))} ${who}`
    })
  const used = pool?.held.size ?? 0
  const range = subnet.ipRange === undefined ? '' : ` (range ${subnet.ipRange})`
  const more = used > holders.length ? `, ${used - holders.length} more` : ''
  const kept = names.length === 0 ? '' : `; reserved by name: ${names.slice(0, 10).join(', ')}`
  return new WeftError('exhausted', {
    what: 'no free address',
    on: `${subnet.cidr}${range} of network ${network}`,
    why:
      `of ${cidrSize(parseCidr(subnet.ipRange ?? subnet.cidr))} addresses ${used} are used, ` +
      `${reserved.length - resting} reserved and ${resting} in quarantine; holders: ${holders.join(', ')}${more}${kept}`,
    remedy:
      resting > 0
        ? 'try again in some seconds when the quarantine ends, or remove containers'
        : `remove containers, or add a subnet: weft network update ${network} --subnet CIDR`,
  })
}

/** A host's own interface has the address. */
export function addressOfHost(ip: string, owner: { host: string; interface: string }): WeftError {
  return new WeftError('conflict', {
    what: 'address is in use',
    on: ip,
    why: `host ${owner.host} has it on ${owner.interface}`,
    remedy: 'ask for another address, or leave the choice to Weft',
  })
}
