/**
 * Records made anew after the state file was lost: this host's endpoints of the intent, beside the containers that have
 * their addresses. Pure.
 */
import type { EndpointSpec, EntryMap } from '@weft/shared'
import { networkOf, subnetOf, withPrefix } from '../state/networks.ts'
import type { LocalRecord } from '../state/records.ts'
import type { InspectedContainer } from './engine.ts'

export interface Adoption {
  readonly records: readonly LocalRecord[]
  /** Endpoints that no container has: claims whose answer was lost, or containers that are gone. */
  readonly orphans: readonly string[]
}

/** Those of its containers. */
export function ownEndpoints(entries: EntryMap, host: string): EndpointSpec[] {
  return [...entries.values()].flatMap((entry) =>
    entry.kind === 'endpoint' && entry.host === host && entry.role === undefined ? [entry] : [],
  )
}

export function adoptEndpoints(
  entries: EntryMap,
  host: string,
  containers: readonly InspectedContainer[],
  now: number,
): Adoption {
  const records: LocalRecord[] = []
  const orphans: string[] = []
  for (const endpoint of ownEndpoints(entries, host)) {
    const record = adopt(entries, endpoint, containers, now)
    if (record === undefined) orphans.push(endpoint.uid)
    else records.push(record)
  }
  return { records, orphans }
}

function adopt(
  entries: EntryMap,
  endpoint: EndpointSpec,
  containers: readonly InspectedContainer[],
  now: number,
): LocalRecord | undefined {
  const network = networkOf(entries, endpoint.network)
  if (network === undefined) return undefined
  const addresses = endpoint.addresses.flatMap((address) => {
    const subnet = subnetOf(network, address)
    return subnet === undefined ? [] : [withPrefix(address, subnet)]
  })
  const common = {
    uid: endpoint.uid,
    network: network.uid,
    mac: endpoint.mac,
    addresses,
    held: false,
    since: now,
    asked: false,
  }
  for (const container of containers) {
    const settings = Object.entries(container.NetworkSettings.Networks ?? {}).find(([key, each]) =>
      each.EndpointID === ''
        ? key === network.name && container.Name.replace(/^\//, '') === endpoint.name
        : endpoint.addresses.includes(each.IPAddress) || endpoint.addresses.includes(each.GlobalIPv6Address),
    )
    const [key, found] = settings ?? []
    if (found === undefined || (key !== network.name && found.EndpointID === '')) continue
    const about = {
      ...common,
      containerId: container.Id,
      name: container.Name.replace(/^\//, ''),
      aliases: endpoint.aliases,
      wayOut: false,
      settled: true,
    }
    if (found.EndpointID === '') return { ...about, phase: 'detached' }
    if (key !== network.name) continue
    const sandbox = container.NetworkSettings.SandboxKey
    return { ...about, phase: 'in-flight', dockerEndpointId: found.EndpointID, ...(sandbox === '' ? {} : { sandbox }) }
  }
  return undefined
}
