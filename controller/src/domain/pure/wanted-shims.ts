/**
 * Which shims there should be: one of every host in every network with host access, where its containers would hear it; and
 * one of each host that opens a port to containers which it reaches by no gateway of its own.
 */
import { type Driver, driverFor, parseOptions } from '@weft/shared'
import { needsShim, publishingHosts } from './publications.ts'
import type { EndpointRecord, NetworkRecord, Stored } from './records.ts'
import { uidOf } from './uids.ts'
import type { ClusterView } from './view.ts'

export interface WantedShim {
  readonly uid: string
  readonly network: Stored<NetworkRecord>
  readonly host: string
}

export interface ShimChanges {
  readonly missing: readonly WantedShim[]
  /** Of networks and hosts that are gone, or of networks that have host access no more. */
  readonly surplus: readonly Stored<EndpointRecord>[]
}

export function shimChanges(view: ClusterView): ShimChanges {
  const missing: WantedShim[] = []
  const publishing = publishingNeeds(view)
  for (const network of view.networks.values()) {
    const needs = publishing.get(network.value.uid)
    for (const host of hasHostAccess(network.value) ? view.hosts.keys() : (needs ?? [])) {
      if (!view.hosts.has(host)) continue
      const uid = shimUid(network.value.uid, host)
      if (!view.endpoints.has(uid)) missing.push({ uid, network, host })
    }
  }
  const surplus = [...view.placed].flatMap((uid) => {
    const stored = view.endpoints.get(uid)
    if (stored?.value.holder?.kind !== 'shim') return []
    const network = view.networks.get(stored.value.network)?.value
    const isNeeded = publishing.get(stored.value.network)?.has(stored.value.host) === true
    const wanted = network !== undefined && (hasHostAccess(network) || isNeeded) && view.hosts.has(stored.value.host)
    return wanted ? [] : [stored]
  })
  return { missing, surplus }
}

/** In words, for the status: a network whose addresses are used up has none left for hosts. */
export function missingShims(view: ClusterView): string[] {
  const byNetwork = Map.groupBy(shimChanges(view).missing, ({ network }) => network.value.name)
  return [...byNetwork].map(([name, shims]) => {
    const hosts = shims.map(({ host }) => host).sort()
    return `network ${name}: no interface yet on ${hosts.join(', ')}, which the host's access needs; free addresses: weft ip ls ${name}`
  })
}

/** Network uid -> hosts that reach its containers through a shim. */
function publishingNeeds(view: ClusterView): Map<string, Set<string>> {
  const needs = new Map<string, Set<string>>()
  for (const { value } of view.publications.values()) {
    const network = view.networks.get(value.network)?.value
    if (network === undefined || !needsShim(network, value.on)) continue
    const hosts = needs.get(network.uid) ?? new Set()
    needs.set(network.uid, hosts)
    for (const host of publishingHosts(view, value)) hosts.add(host)
  }
  return needs
}

export function shimUid(network: string, host: string): string {
  return uidOf('shim', network, host)
}

const known = new WeakMap<NetworkRecord, boolean>()

/** Read once per record: the sweep asks every second. */
function hasHostAccess(record: NetworkRecord): boolean {
  const answer = known.get(record) ?? read(record)
  known.set(record, answer)
  return answer
}

function read(record: NetworkRecord): boolean {
  const driver: Driver = driverFor(record.driver)
  return driver.hostAccess(parseOptions(driver, record.options))
}
