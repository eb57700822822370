/** What makes a subnet: its own record and those of the addresses that no endpoint may be given. */
import { addressToHex, formatAddress, formatCidr } from '@weft/shared'
import type { KvOp } from '../store/kv.ts'
import { keys } from './pure/keys.ts'
import type { NetworkPlan } from './pure/plan-network.ts'
import { ruledOut } from './pure/subnet-pool.ts'

/** @param network its uid */
export function subnetWrites(network: string, req: string, subnet: NetworkPlan['subnets'][number]): KvOp[] {
  const { uid, cidr, gateway, ipRange, auxAddresses } = subnet
  const reserve = (address: Parameters<typeof addressToHex>[0], purpose: string, label?: string) =>
    put(keys.reserved(uid, addressToHex(address)), { v: 1, req, purpose, ...(label === undefined ? {} : { label }) })
  const texts = Object.entries(auxAddresses).map(([name, address]) => [name, formatAddress(address)] as const)
  return [
    put(keys.subnet(uid), {
      v: 1,
      req,
      gen: 1,
      uid,
      network,
      cidr: formatCidr(cidr),
      gateway: formatAddress(gateway),
      ...(ipRange === undefined ? {} : { ipRange: formatCidr(ipRange) }),
      auxAddresses: Object.fromEntries(texts),
    }),
    ...ruledOut(cidr).map(({ address, purpose }) => reserve(address, purpose)),
    reserve(gateway, 'gateway'),
    ...Object.entries(auxAddresses).map(([name, address]) => reserve(address, 'auxiliary', name)),
  ]
}

export function put(key: string, record: unknown): KvOp {
  return { put: key, value: JSON.stringify(record) }
}
