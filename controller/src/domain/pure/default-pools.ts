/** Subnets for networks whose admin named none. */
import { type Cidr, type Family, formatCidr, hash128, overlaps, parseCidr, WeftError } from '@weft/shared'
import type { Occupied } from './check-subnets.ts'

/** Private (RFC 1918), and away from what Docker (172.17/12, 192.168/16) and common LANs take. */
const POOL_4 = parseCidr('10.64.0.0/10')

/**
 * The next free /24 of 10.64.0.0/10, or /64 of the cluster's own ULA /48 (RFC 4193: fd, then 40 bits that are the
 * cluster's). Throws `exhausted`.
 */
export function chooseSubnet(family: Family, cluster: string, occupied: readonly Occupied[]): Cidr {
  const pool = family === 4 ? POOL_4 : clusterPool6(cluster)
  const prefixLength = family === 4 ? 24 : 64
  const step = 1n << BigInt((family === 4 ? 32 : 128) - prefixLength)
  const count = 1n << BigInt(prefixLength - pool.prefixLength)
  const near = occupied.filter((range) => overlaps(range.cidr, pool)).map((range) => range.cidr)
  for (let index = 0n; index < count; ) {
    const candidate: Cidr = { family, base: pool.base + index * step, prefixLength }
    const other = near.find((cidr) => overlaps(cidr, candidate))
    if (other === undefined) return candidate
    // Past the whole of what is in the way, not one step: a /16 in the way costs one turn.
    const end = other.base + (1n << BigInt((family === 4 ? 32 : 128) - other.prefixLength))
    const next = (end - pool.base + step - 1n) / step
    index = next > index ? next : index + 1n
  }
  throw new WeftError('exhausted', {
    what: 'no free subnet in the default pool',
    on: formatCidr(pool),
    why: `every /${prefixLength} of it overlaps a network or a host's route`,
    remedy: 'name one with --subnet, or remove networks',
  })
}

/** The cluster's /48: `fd`, then 40 bits of the hash of its id. */
export function clusterPool6(cluster: string): Cidr {
  const [a, b] = hash128(`ula ${cluster}`)
  const global = (BigInt(a) << 8n) | BigInt(b & 0xff)
  return { family: 6, base: ((0xfdn << 40n) | global) << 80n, prefixLength: 48 }
}
