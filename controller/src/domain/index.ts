/** The door of the domain: use cases (they write etcd), the cluster cache, and pure views of it. */
export { allowRemovals } from './allow-removals.ts'
export { bindEndpoint } from './bind.ts'
export { claimAddress } from './claim.ts'
export { type ClusterCache, type ClusterCacheOptions, openClusterCache } from './cluster-cache.ts'
export { createNetwork } from './create-network.ts'
export type { DomainDeps } from './deps.ts'
export { type Fence, requireFence } from './fence.ts'
export { ALIVE_SECONDS, joinHost, recordFacts, refreshAlive } from './join-host.ts'
export { keepShims, shimsInPlace } from './keep-shims.ts'
export { ensureMeta } from './meta.ts'
export { publish, unpublish } from './publish.ts'
export { addressPlan } from './pure/address-plan.ts'
export { affectedHosts } from './pure/affected.ts'
export { isAlive } from './pure/alive.ts'
export { compileHost } from './pure/compile.ts'
export { containerHosts, isOfContainer } from './pure/container-hosts.ts'
export { damages, damageWarnings, furtherDamage, heldHosts } from './pure/damage.ts'
export { lookUpName } from './pure/dns.ts'
export { eventsOf } from './pure/events.ts'
export { hostByRef } from './pure/find.ts'
export { findNetwork, networkView, networkViews } from './pure/network-view.ts'
export {
  type PublicationPlan,
  publicationView,
  publicationViews,
  publishingHosts,
} from './pure/publications.ts'
export type { Actor, EndpointRecord, NetworkRecord } from './pure/records.ts'
export { placeFor, routersOn } from './pure/router-host.ts'
export { findRouter, routerViews } from './pure/router-view.ts'
export type { ClusterChange, ClusterView, RecordChange } from './pure/view.ts'
export {
  endpointView,
  endpointViews,
  findEndpoint,
  findHost,
  hostView,
  hostViews,
  uplinkView,
  uplinkViews,
} from './pure/views.ts'
export { missingShims } from './pure/wanted-shims.ts'
export { recordPath } from './record-path.ts'
export { releaseEndpoints } from './release.ts'
export { releaseReservation } from './release-reservation.ts'
export { type RemovedHost, removeHost } from './remove-host.ts'
export { type RemovedNetwork, removeNetwork } from './remove-network.ts'
export { reportEndpoints } from './report.ts'
export { reserveAddresses } from './reserve.ts'
export { connectRouter } from './router/connect.ts'
export { createRouter } from './router/create.ts'
export { disconnectRouter, removeRouter } from './router/disconnect.ts'
export { moveRouter } from './router/move.ts'
export { relocateRouter } from './router/relocate.ts'
export { LEAK_GRACE_MS, newSweepMemory, type SweepMemory, type SweepResult, sweep } from './sweep.ts'
export { updateNetwork } from './update-network.ts'
export { setUplink, type UplinkRequest } from './uplink.ts'
