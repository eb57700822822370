/** Docker's words for Weft's subnets: a pool id is `<network uid>/<subnet uid>`. Pure. */
import {
  containsAddress,
  type EntryMap,
  formatCidr,
  type NetworkSpec,
  parseAddress,
  parseCidr,
  type SubnetSpec,
  WeftError,
} from '@weft/shared'
import { networkOf } from '../state/networks.ts'

/** Key of our network id in `--ipam-opt` and `-o`: Docker tells neither name nor id of a network in IPAM calls. */
export const NETWORK_OPTION = 'net'
/** Label of the Docker networks that Weft made. */
export const NETWORK_LABEL = 'weft.network'
/** Name of Weft's network and IPAM drivers. */
export const DRIVER_NAME = 'weft'

export interface Pool {
  readonly network: NetworkSpec
  readonly subnet: SubnetSpec
}

export function poolId({ network, subnet }: Pool): string {
  return `${network.uid}/${subnet.uid}`
}

/** @throws `invalid` for a network that Weft did not make */
export function networkByOption(entries: EntryMap, options: Readonly<Record<string, unknown>>): NetworkSpec {
  const uid = options[NETWORK_OPTION]
  const network = typeof uid === 'string' ? networkOf(entries, uid) : undefined
  if (network !== undefined) return network
  throw new WeftError('invalid', {
    what: 'not a network of Weft',
    on: typeof uid === 'string' && uid !== '' ? uid.slice(0, 64) : 'no network id',
    why: 'networks of the driver weft are made for all hosts at once',
    remedy: 'create it with `weft network create`; it then appears in Docker on every host',
  })
}

/** Whether containers of the network have addresses of the family. */
export function hasFamily({ subnets }: NetworkSpec, family: 4 | 6): boolean {
  return subnets.some(({ cidr }) => parseCidr(cidr).family === family)
}

/** The pool that Docker asks for by CIDR, or the first of the family. @throws `invalid` */
export function poolByCidr(network: NetworkSpec, cidr: string, ipv6: boolean): Pool {
  const wanted = cidr === '' ? undefined : formatCidr(parseCidr(cidr))
  const family = ipv6 ? 6 : 4
  const subnet = network.subnets.find((each) =>
    wanted === undefined ? parseCidr(each.cidr).family === family : each.cidr === wanted,
  )
  if (subnet !== undefined) return { network, subnet }
  throw new WeftError('invalid', {
    what: `no such subnet of network ${network.name}`,
    on: cidr === '' ? `an IPv${family} subnet` : cidr,
    why: `it has ${network.subnets.map((each) => each.cidr).join(', ')}`,
    remedy: 'create it with `weft network create`',
  })
}

/** @throws `not_found` for a pool of a network that is gone */
export function poolById(entries: EntryMap, id: string): Pool {
  const [networkUid = '', subnetUid = ''] = id.split('/')
  const network = networkOf(entries, networkUid)
  const subnet = network?.subnets.find(({ uid }) => uid === subnetUid)
  if (network !== undefined && subnet !== undefined) return { network, subnet }
  const why =
    network === undefined
      ? 'its network is not in the intent of this host'
      : `network ${network.name} has no such subnet`
  throw new WeftError('not_found', {
    what: 'no such pool',
    on: id.slice(0, 64),
    why,
    remedy: 'see weft network ls and weft status',
  })
}

/** Refuses what lies outside the subnet. @throws `invalid` */
export function checkInside(address: string, { network, subnet }: Pool): void {
  if (containsAddress(parseCidr(subnet.cidr), parseAddress(address))) return
  const why = `it is outside the subnet ${subnet.cidr} of network ${network.name}`
  throw new WeftError('invalid', {
    what: 'address cannot be given to a container',
    on: address,
    why,
    remedy: `ask for one of ${subnet.cidr}`,
  })
}
