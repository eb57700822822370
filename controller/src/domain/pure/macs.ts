import { deriveMac } from '@weft/shared'

/** The MAC of an endpoint from its network and first address; `salt` counts the ones found taken. */
export function macOf(network: string, ip: string, salt: number): string {
  return deriveMac(salt === 0 ? `${network} ${ip}` : `${network} ${ip} ${salt}`)
}
