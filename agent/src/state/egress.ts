/**
 * The way out of containers that run while their network's egress changes. Pure.
 *
 * Docker gives a container its way out once, in Join: a default route by the gateway that we name, an interface on its own
 * gateway bridge, or nothing. Routes can be changed afterwards; that interface only Docker can make. So a running container
 * follows its network everywhere but to `docker` when Docker gave it no such interface: then it keeps the way out that it
 * has, until it is started again.
 *
 * Invariants
 * - What Docker gave to a container whose network did not change since is never touched.
 * - An interface on Docker's bridge that no network of the sandbox wants any more is no way out (plan/gateway-bridge.ts).
 */
import {
  defaultRouteFor,
  deviceRoutes,
  type Egress,
  type EntryMap,
  type Family,
  familyOf,
  type NetworkSpec,
} from '@weft/shared'
import { gatewaysOf, networkOf, traitsOf } from './networks.ts'
import { type AgentState, isWired, type LocalRecord, type LocalRecords } from './records.ts'

/** The way out that the endpoint is to have now. */
export function egressOf({ joinedEgress, egress }: LocalRecord, network: NetworkSpec): Egress {
  if (network.internal) return 'none'
  if (network.egress !== 'docker' || joinedEgress === undefined || joinedEgress === 'docker') return network.egress
  return egress ?? joinedEgress
}

/** Its way out where that is not the network's. */
export function keptEgress(record: LocalRecord, network: NetworkSpec): Egress | undefined {
  const egress = egressOf(record, network)
  return network.internal || egress === network.egress ? undefined : egress
}

/** Containers of this host with another way out than their network's, by name. */
export function keptWays({ endpoints, entries }: Pick<AgentState, 'endpoints' | 'entries'>) {
  return [...endpoints.values()]
    .filter((record) => isWired(record) && record.attached === undefined)
    .flatMap((record) => {
      const network = networkOf(entries, record.network)
      const egress = network === undefined ? undefined : keptEgress(record, network)
      return network === undefined || egress === undefined
        ? []
        : [{ name: record.name ?? record.uid, network: network.name, egress }]
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** True when the endpoint goes out through a gateway in its network. */
export function leavesByGateway(record: LocalRecord, network: NetworkSpec): boolean {
  const egress = egressOf(record, network)
  return egress === 'gateway' || egress === 'weft'
}

/**
 * The records with the way out that each has from now on. Of one that was read back from Docker it is not known what it was
 * given: an interface on Docker's bridge (`bridged`, by sandbox) tells.
 */
export function settleEgress(
  records: LocalRecords,
  entries: EntryMap,
  bridged: ReadonlySet<string>,
): ReadonlyMap<string, LocalRecord> {
  const changed = new Map<string, LocalRecord>()
  for (const record of records.values()) {
    const network = isWired(record) && record.sandbox !== undefined ? networkOf(entries, record.network) : undefined
    if (network === undefined || network.internal) continue
    const known = record.joinedEgress === undefined ? recalled(record, network, bridged) : record
    const last = known.egress ?? known.joinedEgress
    const egress = egressOf(known, network)
    const next = last === undefined || last === egress ? known : { ...known, egress }
    if (next !== record) changed.set(record.uid, next)
  }
  return changed
}

function recalled(record: LocalRecord, { egress }: NetworkSpec, bridged: ReadonlySet<string>): LocalRecord {
  if (record.phase !== 'sandbox') return record
  if (!bridged.has(record.sandbox ?? '')) return { ...record, joinedEgress: egress }
  return { ...record, joinedEgress: 'docker', ownGateway: true }
}

/** Default routes that Docker made for the endpoint and that lead nowhere any more. */
export function withdrawnRoutes(record: LocalRecord, network: NetworkSpec): { destination: string; via?: string }[] {
  const { joinedEgress, ownGateway, gwPriority = 0, addresses } = record
  const isTold = (joinedEgress === 'gateway' || joinedEgress === 'weft') && ownGateway === undefined && gwPriority >= 0
  if (!isTold || leavesByGateway(record, network)) return []
  if (traitsOf(network).deviceRoute) return deviceRoutes(addresses).map((destination) => ({ destination }))
  return gatewaysOf(network, addresses).map((via) => ({ destination: defaultRouteFor(via), via }))
}

/** What an interface on Docker's bridge is for in a sandbox where not all is as Docker left it. */
export interface BridgeUse {
  /** A network of the sandbox has it for its way out. */
  readonly wanted: boolean
  /** Families that go out by another way. */
  readonly elsewhere: readonly Family[]
  /** Docker has made its own way by it. */
  readonly settled: boolean
}

/** By sandbox; those that are as Docker left them are left out. */
export function bridgeUses(records: LocalRecords, entries: EntryMap): Map<string, BridgeUse> {
  const sandboxes = Map.groupBy([...records.values()].filter(isWired), ({ sandbox = '' }) => sandbox)
  const uses = new Map<string, BridgeUse>()
  for (const [sandbox, own] of sandboxes) {
    const isMoved = own.some(({ joinedEgress, egress }) => joinedEgress === 'docker' && egress !== undefined)
    if (sandbox === '' || !isMoved) continue
    const elsewhere = new Set<Family>()
    let wanted = false
    for (const record of own) {
      const network = networkOf(entries, record.network)
      if (network === undefined || (record.gwPriority ?? 0) < 0) continue
      wanted ||= egressOf(record, network) === 'docker' && record.joinedEgress === 'docker'
      for (const address of leavesByGateway(record, network) ? outwardOf(record, network) : [])
        elsewhere.add(familyOf(address))
    }
    uses.set(sandbox, {
      wanted,
      elsewhere: [...elsewhere].sort(),
      settled: own.every(({ joinedEgress, settled }) => joinedEgress !== 'docker' || settled),
    })
  }
  return uses
}

function outwardOf({ addresses }: LocalRecord, network: NetworkSpec): readonly string[] {
  return traitsOf(network).deviceRoute ? addresses : gatewaysOf(network, addresses)
}
