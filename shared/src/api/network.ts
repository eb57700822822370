/** Networks: what one asks for and what one sees. */
import { z } from 'zod'
import { AuxAddresses, EGRESS_MODES, SubnetSpec } from '../intent/entry.ts'
import { CidrText, IpText } from '../words/address-text.ts'
import { Name, RequestId, StringMap, Uid } from '../words/names.ts'
import { type OperationTable, Ref } from './operation.ts'

export const SubnetRequest = z.strictObject({
  subnet: CidrText,
  gateway: IpText.optional(),
  ipRange: CidrText.optional(),
})
export type SubnetRequest = z.infer<typeof SubnetRequest>

export const NetworkCreateRequest = z.strictObject({
  req: RequestId,
  name: Name,
  driver: z.string().min(1).max(32),
  /** None: one is chosen from the cluster's pools (and one of IPv6 with `ipv6`). */
  subnets: z.array(SubnetRequest).max(16),
  auxAddresses: AuxAddresses,
  options: StringMap,
  labels: StringMap,
  internal: z.boolean(),
  ipv6: z.boolean(),
  /** Say what would be made and on which hosts; change nothing. */
  dryRun: z.boolean(),
})
export type NetworkCreateRequest = z.infer<typeof NetworkCreateRequest>

export const SubnetView = z.strictObject({
  ...SubnetSpec.shape,
  /** Addresses that endpoints can have at most, and that they have; decimal text, since IPv6 exceeds numbers. */
  usable: z.string(),
  used: z.number().int(),
  reserved: z.number().int(),
})

export const NetworkView = z.strictObject({
  uid: Uid,
  name: z.string(),
  driver: z.string(),
  createdAt: z.string(),
  options: StringMap,
  labels: StringMap,
  internal: z.boolean(),
  egress: z.enum(EGRESS_MODES),
  mtu: z.number().int().optional(),
  vni: z.number().int().optional(),
  subnets: z.array(SubnetView),
  endpoints: z.number().int(),
  /** etcd revision of the last change: what `status --wait` waits for. */
  revision: z.number().int(),
  /** What the admin should know though the request was granted ("docker3 has no eth1 yet"). */
  warnings: z.array(z.string()),
})
export type NetworkView = z.infer<typeof NetworkView>

export const NETWORK_OPERATIONS = {
  networkCreate: { method: 'POST', path: '/v1/networks', body: NetworkCreateRequest, reply: NetworkView },
  networkList: { method: 'GET', path: '/v1/networks', reply: z.array(NetworkView) },
  networkInspect: {
    method: 'GET',
    path: '/v1/networks/:ref',
    params: z.strictObject({ ref: Ref }),
    reply: NetworkView,
  },
  networkRemove: {
    method: 'DELETE',
    path: '/v1/networks/:ref',
    params: z.strictObject({ ref: Ref }),
    query: z.strictObject({ req: RequestId }),
    reply: z.strictObject({ uid: Uid, name: z.string(), revision: z.number().int() }),
  },
} as const satisfies OperationTable
