/** Which shims there should be: one of every host in every network with host access, where its containers would hear it. */
import { type Driver, driverFor, parseOptions } from '@weft/shared'
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
  for (const network of view.networks.values()) {
    if (!hasHostAccess(network.value)) continue
    for (const host of view.hosts.keys()) {
      const uid = shimUid(network.value.uid, host)
      if (!view.endpoints.has(uid)) missing.push({ uid, network, host })
    }
  }
  const surplus = [...view.placed].flatMap((uid) => {
    const stored = view.endpoints.get(uid)
    if (stored?.value.holder?.kind !== 'shim') return []
    const network = view.networks.get(stored.value.network)?.value
    const wanted = network !== undefined && hasHostAccess(network) && view.hosts.has(stored.value.host)
    return wanted ? [] : [stored]
  })
  return { missing, surplus }
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
