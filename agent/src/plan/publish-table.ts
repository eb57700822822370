/** Ports of the host that lead to containers, as an nft table of ours in the host's netns. */
import type { NftSet, NftTable, PublishedPort } from '@weft/shared'

/** A port and the addresses of the container that it leads to, one a family. */
export interface OpenPort extends PublishedPort {
  readonly addresses: readonly string[]
}

/** Before Docker's and iptables' translation (NF_IP_PRI_NAT_DST, -100). */
const BEFORE_DESTINATION_NAT = -105
const PORTS = 'meta l4proto { tcp, udp }'

const TABLE = { netns: '', family: 'inet', name: 'weft_publish' } as const

export function isPublishTable({ netns, family, name }: NftTable): boolean {
  return netns === TABLE.netns && family === TABLE.family && name === TABLE.name
}

export function publishTable(ports: readonly OpenPort[]): NftTable {
  return {
    ...TABLE,
    sets: [map('bound', 4, ports), map('bound', 6, ports), map('open', 4, ports), map('open', 6, ports)],
    chains: [
      {
        name: 'publish',
        rules: [
          `${PORTS} dnat ip to ip daddr . meta l4proto . th dport map @bound4`,
          `${PORTS} dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6`,
          `${PORTS} dnat ip to meta l4proto . th dport map @open4`,
          `${PORTS} dnat ip6 to meta l4proto . th dport map @open6`,
        ],
      },
      {
        name: 'prerouting',
        hook: { type: 'nat', at: 'prerouting', priority: BEFORE_DESTINATION_NAT },
        rules: ['fib daddr type local goto publish'],
      },
      {
        name: 'output',
        hook: { type: 'nat', at: 'output', priority: BEFORE_DESTINATION_NAT },
        // What the host sends to its own loopback has no address that a container could answer to.
        rules: ['ip daddr 127.0.0.0/8 accept', 'ip6 daddr ::1 accept', 'fib daddr type local goto publish'],
      },
    ],
  }
}

/** `bound`: on one address of the host. `open`: on all. */
function map(which: 'bound' | 'open', family: 4 | 6, ports: readonly OpenPort[]): NftSet {
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr'
  const isOf = (text: string) => text.includes(':') === (family === 6)
  const elements = ports.flatMap(({ hostIp, protocol, hostPort, port, addresses }) => {
    const target = addresses.find(isOf)
    if (target === undefined || (which === 'bound') !== (hostIp !== undefined)) return []
    if (hostIp !== undefined && !isOf(hostIp)) return []
    return [`${hostIp === undefined ? '' : `${hostIp} . `}${protocol} . ${hostPort} : ${target} . ${port}`]
  })
  const key = `${which === 'bound' ? `${address} . ` : ''}inet_proto . inet_service`
  return { kind: 'map', name: `${which}${family}`, of: `type ${key} : ${address} . inet_service`, elements }
}
