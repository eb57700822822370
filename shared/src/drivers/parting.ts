/**
 * icc=false across hosts. On one host isolated ports or private mode part the containers; what comes from another host
 * comes by the vxlan device, the uplink or the parent, which they must go on to reach. So there, at ingress, a frame is
 * dropped whose source is a container of the network on another host, unless it is meant for something of Weft's own here (a
 * router's leg, a shim). Sources are to be trusted: each host keeps its containers from sending as another (guard.ts).
 */
import { EMPTY_HOST_STATE, type HostState, type LinkRef } from '../host-state/host-state.ts'
import type { DriverInput } from './driver.ts'

/** NF_IP_PRI_RAW. */
const PRIORITY = -300

/** The name of a network's table. */
export function partingName(uid: string): string {
  return `weft_parting_${uid}`
}

/** @param link by which frames of other hosts come */
export function partingState({ network, endpoints, peers }: DriverInput<unknown>, link: LinkRef): HostState {
  const remote = peers.filter(({ placed }) => placed !== true).map(({ mac }) => mac)
  if (remote.length === 0) return EMPTY_HOST_STATE
  const own = endpoints.filter(({ attachment }) => attachment.phase === 'placed').map(({ mac }) => mac)
  const of = 'type ether_addr'
  return {
    ...EMPTY_HOST_STATE,
    nftTables: [
      {
        ...{ netns: link.netns, family: 'netdev', name: partingName(network.uid) },
        sets: [
          { kind: 'set', name: 'remote', of, elements: remote },
          { kind: 'set', name: 'own', of, elements: own },
        ],
        chains: [
          {
            name: 'parting',
            hook: { type: 'filter', at: 'ingress', priority: PRIORITY, device: link.name },
            rules: ['ether saddr @remote ether daddr != @own counter drop'],
          },
        ],
      },
    ],
  }
}
