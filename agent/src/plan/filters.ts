/** The VXLAN filter is replaced as a whole, in one transaction, whenever it differs. */
import { canonicalJson, type HostState, type Op, type VxlanFilter } from '@weft/shared'

export function filterOps(desired: HostState, observed: HostState): Op[] {
  const [wanted, seen] = [inOrder(desired.vxlanFilters), inOrder(observed.vxlanFilters)]
  return canonicalJson(wanted) === canonicalJson(seen) ? [] : [{ op: 'vxlan-filter-set', filters: wanted }]
}

/** As the kernel tells them: by port and VNI, each peer once. */
function inOrder(filters: readonly VxlanFilter[]): VxlanFilter[] {
  return filters
    .map(({ udpPort, vni, peers }) => ({ udpPort, vni, peers: [...new Set(peers)].sort() }))
    .sort((a, b) => a.udpPort - b.udpPort || a.vni - b.vni)
}
