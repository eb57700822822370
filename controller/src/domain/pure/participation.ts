/** Who takes part in which network, from the records of endpoints. */
import { upsert } from './nested-maps.ts'
import type { EndpointRecord } from './records.ts'

/** The maps are those of a {@link ClusterView}. */
export class Participation {
  readonly placed = new Set<string>()
  readonly participants = new Map<string, Map<string, Set<string>>>()
  readonly networksOfHost = new Map<string, Set<string>>()

  take({ uid, network, host, holder }: EndpointRecord): void {
    if (holder !== undefined) this.placed.add(uid)
    const hosts = upsert(this.participants, network, () => new Map<string, Set<string>>())
    upsert(hosts, host, () => new Set<string>()).add(uid)
    upsert(this.networksOfHost, host, () => new Set<string>()).add(network)
  }

  leave({ uid, network, host }: EndpointRecord): void {
    this.placed.delete(uid)
    const hosts = this.participants.get(network)
    const uids = hosts?.get(host)
    uids?.delete(uid)
    if (uids?.size !== 0) return
    hosts?.delete(host)
    if (hosts?.size === 0) this.participants.delete(network)
    const networks = this.networksOfHost.get(host)
    networks?.delete(network)
    if (networks?.size === 0) this.networksOfHost.delete(host)
  }
}
