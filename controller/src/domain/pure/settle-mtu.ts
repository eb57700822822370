import { WeftError } from '@weft/shared'
import type { ClusterView } from './view.ts'

/** What Ethernet carries when nobody has said otherwise. */
const COMMON_MTU = 1500

/**
 * The MTU of a network: what was asked for, or what the smallest underlay carries less the encapsulation; undefined when
 * the parent's own is to be used.
 *
 * @param overheadBytes what the driver's encapsulation takes over the given address family; undefined for none
 * @throws `invalid` when more is asked than the smallest underlay carries: the error names the host that limits it
 */
export function settleMtu(
  view: ClusterView,
  asked: number | undefined,
  overheadBytes: (underlayFamily: 4 | 6) => number | undefined,
): number | undefined {
  if (overheadBytes(4) === undefined) return asked
  const limits = [...view.facts].map(([host, { value }]) => {
    const { address, interface: link, mtu } = value.facts.underlay
    return {
      mtu: mtu - (overheadBytes(address.includes(':') ? 6 : 4) ?? 0),
      by: `${link} of host ${host} carries ${mtu}`,
    }
  })
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
