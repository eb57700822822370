import { containsAddress, formatAddress, parseAddress, parseCidr, sameAddress, WeftError } from '@weft/shared'
import type { SubnetRecord } from './records.ts'
import { ruledOut } from './subnet-pool.ts'

/** Refuses an asked-for address that no endpoint of the subnet may ever have. Throws `invalid`. */
export function checkAskedAddress(ip: string, subnet: SubnetRecord): void {
  const address = parseAddress(ip)
  const cidr = parseCidr(subnet.cidr)
  const refuse = (why: string) => {
    throw new WeftError('invalid', {
      what: 'address cannot be given to a container',
      on: ip,
      why,
      remedy: `ask for another address of ${subnet.cidr}, or leave the choice to Weft`,
    })
  }
  if (!containsAddress(cidr, address)) refuse(`it is outside the subnet ${subnet.cidr}`)
  const ruled = ruledOut(cidr).find((reserved) => sameAddress(reserved.address, address))
  if (ruled !== undefined) refuse(`it is the ${ruled.purpose} address of ${subnet.cidr}`)
  if (subnet.gateway === formatAddress(address)) refuse(`it is the gateway of ${subnet.cidr}`)
  const aux = Object.entries(subnet.auxAddresses).find(([, text]) => text === formatAddress(address))
  if (aux !== undefined) refuse(`it is reserved as auxiliary address "${aux[0]}"`)
}
