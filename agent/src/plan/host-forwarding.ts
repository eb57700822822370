/** Which families the host routes for our gateways is said as a whole. */
import type { HostState, Op } from '@weft/shared'

export function hostForwardingOps(desired: HostState, observed: HostState): Op[] {
  const [wanted, seen] = [inOrder(desired.hostForwarding), inOrder(observed.hostForwarding)]
  return wanted.join() === seen.join() ? [] : [{ op: 'host-forwarding-set', families: wanted }]
}

function inOrder(families: HostState['hostForwarding']): HostState['hostForwarding'] {
  return [...new Set(families)].sort()
}
