/** The VXLAN filter is replaced as a whole, in one transaction, whenever it differs. */
import { canonicalJson, type HostState, mergeHostStates, type Op } from '@weft/shared'

export function filterOps(desired: HostState, observed: HostState): Op[] {
  const [wanted, seen] = [mergeHostStates([desired]).vxlanFilters, mergeHostStates([observed]).vxlanFilters]
  return canonicalJson(wanted) === canonicalJson(seen) ? [] : [{ op: 'vxlan-filter-set', filters: wanted }]
}
