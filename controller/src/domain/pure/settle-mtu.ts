import { familyOf, WeftError } from '@weft/shared'
import { narrowPaths } from './paths.ts'
import type { ClusterView } from './view.ts'

/** What Ethernet carries when nobody has said otherwise. */
const COMMON_MTU = 1500

/**
 * The MTU of a network: what was asked for, or what the smallest underlay or path carries less the encapsulation; undefined when
 * the parent's own is to be used.
 *
 * @param overheadBytes what the driver's encapsulation takes over the given address family; undefined for none
 * @throws `invalid` when more is asked than the smallest underlay carries: the error names the host that limits it
 */
export function settleMtu(
  view: ClusterView,
  asked: number | undefined,
  overheadBytes: OverheadBytes,
): number | undefined {
  if (overheadBytes(4) === undefined) return asked
  const limits = underlayLimits(view, overheadBytes)
  const first = limits[0]
  if (first === undefined) return asked ?? COMMON_MTU - (overheadBytes(4) ?? 0)
  const least = limits.reduce((low, limit) => (limit.mtu < low.mtu ? limit : low), first)
  if (asked === undefined || asked <= least.mtu) return asked ?? least.mtu
  throw new WeftError('invalid', {
    what: 'MTU is larger than the underlay carries',
    on: String(asked),
    why: `${least.by}, less the encapsulation that is ${least.mtu}`,
    remedy: `ask for ${least.mtu} or less, or raise the underlay's`,
  })
}

/** @returns what an admin should know: that a path, and not an interface, keeps the network's packets small */
export function warnOfPath(view: ClusterView, mtu: number | undefined, overheadBytes: OverheadBytes): string[] {
  if (overheadBytes(4) === undefined) return []
  const [limit] = underlayLimits(view, overheadBytes).filter((each) => each.mtu === mtu)
  return limit?.path !== true ? [] : [`MTU ${mtu}: ${limit.by}`]
}

type OverheadBytes = (underlayFamily: 4 | 6) => number | undefined

interface Limit {
  readonly mtu: number
  readonly by: string
  readonly path: boolean
}

/** What each host's interface lets through, and each path that was measured to carry less than those at its ends. */
function underlayLimits(view: ClusterView, overheadBytes: OverheadBytes): Limit[] {
  const room = (address: string, mtu: number) => mtu - (overheadBytes(familyOf(address)) ?? 0)
  const links = [...view.facts].map(([host, { value }]): Limit => {
    const { address, interface: link, mtu } = value.facts.underlay
    return { mtu: room(address, mtu), by: `${link} of host ${host} carries ${mtu}`, path: false }
  })
  const paths = narrowPaths(view).map(({ hosts: [a, b], addresses: [address], mtu, at }): Limit => {
    const by = `the path between ${a} and ${b} carries ${mtu} (weft doctor ${a} ${b}, ${at})`
    return { mtu: room(address, mtu), by, path: true }
  })
  return [...links, ...paths]
}

/** RFC 8200 section 5: below this Linux has no IPv6 on a link. */
const IPV6_MIN_MTU = 1280

/** @throws `invalid` when a network with IPv6 would have links without */
export function checkIpv6Mtu(mtu: number | undefined, subnets: readonly string[]): void {
  const six = subnets.find((cidr) => cidr.includes(':'))
  if (mtu === undefined || mtu >= IPV6_MIN_MTU || six === undefined) return
  throw new WeftError('invalid', {
    what: 'MTU too small for IPv6',
    on: String(mtu),
    why: `IPv6 needs ${IPV6_MIN_MTU} bytes (RFC 8200 section 5), and the network has ${six}`,
    remedy: `ask for ${IPV6_MIN_MTU} or more, or for a network without IPv6`,
  })
}
