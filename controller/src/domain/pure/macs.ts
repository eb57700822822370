import { deriveMac, driverFor, parseOptions, WeftError } from '@weft/shared'
import type { NetworkRecord } from './records.ts'

/** The MAC of an endpoint from its network and first address; `salt` counts the ones found taken. */
export function macOf(network: string, ip: string, salt: number): string {
  return deriveMac(salt === 0 ? `${network} ${ip}` : `${network} ${ip} ${salt}`)
}

/**
 * Where containers have their parent's MAC nobody can have another.
 * @param remedy how to ask for none
 */
export function refuseOwnMac(network: NetworkRecord, mac: string, remedy: string): void {
  const driver = driverFor(network.driver)
  if (driver.macs(parseOptions(driver, network.options)) === 'own') return
  throw new WeftError('invalid', {
    what: 'container cannot have a MAC of its own',
    on: mac,
    why: `in network ${network.name} containers have their parent interface’s`,
    remedy: `${remedy}, or use a macvlan network`,
  })
}
