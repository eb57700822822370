/**
 * IPv4 of IPv6-only networks for engines before 28, which want a pool and an address of it always: an address of the
 * link-local range (RFC 3927) without a prefix, so that nothing is reached by it. It is not of the cluster. Pure.
 */
import { hash128 } from '@weft/shared'

const SUFFIX = '/no-ipv4'
const PREFIX = '169.254.'
/** What Docker is told that the pool is. */
export const PLACEHOLDER_CIDR = '169.254.0.0/16'

export function placeholderPool(network: string): string {
  return `${network}${SUFFIX}`
}

export function isPlaceholderPool(poolId: string): boolean {
  return poolId.endsWith(SUFFIX)
}

/** `key` tells apart those who ask. The first and last 256 addresses of the range are reserved. */
export function placeholderAddress(key: string): string {
  const [word] = hash128(key)
  return `${PREFIX}${1 + (word % 254)}.${(word >>> 8) % 256}/32`
}

/** `address` with or without a prefix length. No subnet of the cluster lies in the range. */
export function isPlaceholder(address: string): boolean {
  return address.startsWith(PREFIX)
}
