/**
 * What may pass a host's gateways (`egress=weft`), and its shims where ports are published through them, and under which
 * address it leaves: one nft table of ours in the host's netns, of which each network has a part. Constant rules; networks are in sets.
 *
 * - From a network goes only what has an address of that network, and it goes out: never to another network of Weft's,
 *   nor to a bridge of the host other than the underlay. Guests of Docker's or libvirt's bridges are reached by what they
 *   publish, as from outside.
 * - Into a network comes what answers, and what was published; into a routed one (`nat=false`) everything.
 * - What leaves a network that is not routed is masqueraded. So is what comes back into the network that it came from
 *   (published on the host, asked for by a neighbour): else the answer would go past the host.
 * - Through a shim goes what was published, under the shim's address, and back what answers.
 *
 * The rules are judged before those of iptables, which have their say afterwards (agent/src/kernel/host-forwarding.ts).
 */
import type { NftSet, NftTable } from '../host-state/nft-table.ts'
import { interfacePrefix } from '../names.ts'

export interface GatewayRules {
  /** The host's end. */
  readonly link: string
  /** CIDR. */
  readonly subnets: readonly string[]
  /** False: routed, not masqueraded. */
  readonly nat: boolean
  /** The interface by which the host reaches others. */
  readonly underlay: string
}

export const GATEWAY_TABLE = { netns: '', family: 'inet', name: 'weft_gateway' } as const
/** A little before NF_IP_PRI_FILTER (0) and NF_IP_PRI_NAT_SRC (100), where iptables and Docker are. */
const BEFORE_FILTER = -10
const BEFORE_SOURCE_NAT = 95

/** The rules alone, of a host whose networks may have none. */
export function passingTable(underlay: string): NftTable {
  return gatewayTable({ link: '', subnets: [], nat: true, underlay })
}

export function gatewayTable({ link, subnets, nat, underlay }: GatewayRules): NftTable {
  const ours = `"${interfacePrefix('gateway')}*"`
  const shims = `"${interfacePrefix('shim')}*"`
  const four = subnets.filter((cidr) => !cidr.includes(':'))
  const six = subnets.filter((cidr) => cidr.includes(':'))
  const behind = (list: readonly string[]) => list.map((cidr) => `"${link}" . ${cidr}`)
  return {
    ...GATEWAY_TABLE,
    sets: [
      ranges('sources4', 'type ifname . ipv4_addr', behind(four)),
      ranges('sources6', 'type ifname . ipv6_addr', behind(six)),
      ranges('masqueraded4', 'type ipv4_addr', nat ? four : []),
      ranges('masqueraded6', 'type ipv6_addr', nat ? six : []),
      { kind: 'set', name: 'routed', of: 'type ifname', elements: nat ? [] : [`"${link}"`] },
    ],
    chains: [
      {
        name: 'leaving',
        rules: [
          'iifname . ip saddr != @sources4 counter drop',
          'iifname . ip6 saddr != @sources6 counter drop',
          'ct state established,related accept',
          'ct status dnat accept',
          `oifname ${ours} counter drop`,
          `meta oifkind "bridge" oifname != "${underlay}" counter drop`,
          'accept',
        ],
      },
      {
        name: 'arriving',
        rules: [
          'ct state established,related accept',
          'ct status dnat accept',
          'oifname @routed accept',
          'counter drop',
        ],
      },
      {
        name: 'relayed',
        rules: [`oifname ${shims} ct status dnat accept`, 'ct state established,related accept', 'counter drop'],
      },
      {
        name: 'forward',
        hook: { type: 'filter', at: 'forward', priority: BEFORE_FILTER },
        rules: [
          `iifname ${ours} goto leaving`,
          `oifname ${ours} goto arriving`,
          `iifname ${shims} goto relayed`,
          `oifname ${shims} goto relayed`,
        ],
      },
      {
        name: 'postrouting',
        hook: { type: 'nat', at: 'postrouting', priority: BEFORE_SOURCE_NAT },
        rules: [
          'oifname . ip saddr @sources4 ct status dnat masquerade',
          'oifname . ip6 saddr @sources6 ct status dnat masquerade',
          `oifname ${shims} ct status dnat masquerade`,
          `oifname ${ours} accept`,
          'ip saddr @masqueraded4 masquerade',
          'ip6 saddr @masqueraded6 masquerade',
        ],
      },
    ],
  }
}

function ranges(name: string, of: string, elements: string[]): NftSet {
  return { kind: 'set', name, of, flags: ['interval'], elements }
}
