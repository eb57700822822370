/**
 * Docker's gateway bridge, over which containers of every network with `egress=docker` go out, must not be a way from one
 * to the other. Docker itself says so (icc=false), by a rule of iptables for IPv4 that is gone with the next flush or reload of
 * somebody's firewall. The same is said here, for both families, in a table that the loop keeps. Bridged frames meet it while
 * br_netfilter is on, as they meet Docker's own rule.
 */
import { EMPTY_HOST_STATE, type HostState, type NetworkSpec } from '@weft/shared'

/** Docker's constant (libnetwork, libnGWNetwork). */
const GATEWAY_BRIDGE = 'docker_gwbridge'

export const GATEWAY_BRIDGE_TABLE = { netns: '', family: 'inet', name: 'weft_gwbridge' } as const

/** Before the network has its first container here: that one is wired without a pass. */
export function gatewayBridgeState(network: NetworkSpec): HostState {
  if (network.egress !== 'docker' || network.internal) return EMPTY_HOST_STATE
  const rules = [
    // An answer to what came in by a published port.
    'ct state established,related accept',
    `iifname "${GATEWAY_BRIDGE}" oifname "${GATEWAY_BRIDGE}" counter drop`,
  ]
  const chains = [{ name: 'forward', hook: { type: 'filter', at: 'forward', priority: 0 } as const, rules }]
  return { ...EMPTY_HOST_STATE, nftTables: [{ ...GATEWAY_BRIDGE_TABLE, sets: [], chains }] }
}
