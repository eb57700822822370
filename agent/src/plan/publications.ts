/**
 * Ports of the host that lead to containers: those of publications and those that Docker's `-p` asks for where containers leave
 * through Weft's gateway. Pure. Addresses are translated before routing (nft `dnat`), which keeps the client's address; what may
 * then pass is the gateway's affair (shared/src/drivers/gateway-table.ts).
 *
 * Invariants
 * - A port leads somewhere only while its container runs; before and afterwards the host itself refuses connections.
 * - A port on which somebody on the host listens is not opened, and neither is one that an earlier one has: it is a problem of
 *   the host, by name.
 */
import {
  formatHostSide,
  formatPublication,
  type HostPortClaim,
  type HostProblem,
  type LocalEndpoint,
  type NftSet,
  type NftTable,
  type PublicationSpec,
  type PublishedPort,
  samePort,
} from '@weft/shared'

/** A port that somebody on the host has, and who. */
export type TakenPort = HostPortClaim & { readonly by: string }

export interface PublishInput {
  readonly publications: readonly PublicationSpec[]
  /** By network uid. */
  readonly endpoints: ReadonlyMap<string, readonly LocalEndpoint[]>
  readonly taken: readonly TakenPort[]
}

export interface Published {
  readonly tables: NftTable[]
  readonly problems: HostProblem[]
}

/** A port of the host's and the addresses that it leads to, one a family; none while its container does not run. */
interface Wanted extends PublishedPort {
  readonly what: string
  readonly addresses: readonly string[]
}

/** What the host's own listeners may stand in the way of. */
export function claimsOf({ publications, endpoints }: Omit<PublishInput, 'taken'>): HostPortClaim[] {
  return wantedPorts(publications, endpoints).map(({ protocol, hostPort, hostIp }) => ({
    protocol,
    port: hostPort,
    ...(hostIp === undefined ? {} : { ip: hostIp }),
  }))
}

export function publishedPorts({ publications, endpoints, taken }: PublishInput): Published {
  const opened: Wanted[] = []
  const problems: HostProblem[] = []
  for (const wanted of wantedPorts(publications, endpoints)) {
    const listener = taken.find(({ protocol, port, ip }) => samePort(wanted, { protocol, hostPort: port, hostIp: ip }))
    const earlier = opened.find((each) => samePort(each, wanted))
    const by = earlier?.what ?? listener?.by
    if (by === undefined) opened.push(wanted)
    else problems.push(portTaken(wanted, by))
  }
  const leading = opened.filter(({ addresses }) => addresses.length > 0)
  return { tables: leading.length === 0 ? [] : [publishTable(leading)], problems }
}

/** Docker's own first: a container that runs had its port before. */
function wantedPorts(
  publications: readonly PublicationSpec[],
  endpoints: ReadonlyMap<string, readonly LocalEndpoint[]>,
): Wanted[] {
  const own = [...endpoints.values()].flat().flatMap((endpoint) =>
    (endpoint.ports ?? []).map((port) => ({
      ...port,
      what: `port ${formatPublication(port)} of container ${endpoint.name ?? endpoint.uid} (docker run -p)`,
      addresses: addressesOf(endpoint),
    })),
  )
  const published = publications.map((each) => {
    const target = (endpoints.get(each.network) ?? []).find(({ name, attachment }) => {
      return name === each.container && attachment.phase !== 'new'
    })
    return {
      ...each,
      what: `publication ${formatPublication(each)} of container ${each.container}`,
      addresses: target === undefined ? [] : addressesOf(target),
    }
  })
  return [...own, ...published].sort((a, b) => (a.what < b.what ? -1 : 1))
}

/** None while Docker has it in its hands on the way out. */
function addressesOf({ addresses, attachment }: LocalEndpoint): string[] {
  const runs = attachment.phase === 'sandbox' || (attachment.phase === 'in-flight' && attachment.sandbox !== undefined)
  return runs ? addresses.map((address) => address.split('/')[0] ?? '') : []
}

function portTaken({ what, hostIp, hostPort, protocol }: Wanted, by: string): HostProblem {
  return {
    code: 'conflict',
    message: `${what} is not open: ${by} has ${formatHostSide({ hostIp, hostPort })}/${protocol} on this host`.slice(
      0,
      2000,
    ),
    remedy: 'free the port here, or publish another one: weft unpublish, weft publish',
  }
}

/** Before Docker's and iptables' translation (NF_IP_PRI_NAT_DST, -100). */
const BEFORE_DESTINATION_NAT = -105
const PORTS = 'meta l4proto { tcp, udp }'

function publishTable(ports: readonly Wanted[]): NftTable {
  return {
    netns: '',
    family: 'inet',
    name: 'weft_publish',
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
function map(which: 'bound' | 'open', family: 4 | 6, ports: readonly Wanted[]): NftSet {
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
