/** Networks: what one asks for and what one sees. */
import { z } from 'zod'
import { AuxAddresses, EGRESS_MODES, SubnetSpec } from '../intent/entry.ts'
import { CidrText, IpText } from '../words/address-text.ts'
import { EndpointName, Name, RequestId, StringMap, Uid } from '../words/names.ts'
import { BooleanText, type OperationTable, Ref } from './operation.ts'

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
  /** None: one is chosen from the cluster's pools for each family that `ipv4` and `ipv6` ask for. */
  subnets: z.array(SubnetRequest).max(16),
  auxAddresses: AuxAddresses,
  options: StringMap,
  labels: StringMap,
  internal: z.boolean(),
  ipv4: z.boolean().default(true),
  ipv6: z.boolean(),
  /** A host on which the network takes the place of one that has the same subnets: its routes there are no obstacle. */
  replaces: Name.optional(),
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

/** What is to change of a living network; what is not named stays. */
export const NetworkUpdateRequest = z.strictObject({
  req: RequestId,
  /** Set, or given another value. */
  labels: StringMap.default({}),
  labelsRemove: z.array(z.string().min(1).max(255)).max(64).default([]),
  options: StringMap.default({}),
  /** Back to what the driver does without them. */
  optionsRemove: z.array(z.string().min(1).max(255)).max(64).default([]),
  /** Each of the subnet that contains it; a whole subnet takes its range away. */
  ipRanges: z.array(CidrText).max(16).default([]),
  auxAddresses: AuxAddresses.default({}),
  auxRemove: z.array(z.string().min(1).max(63)).max(64).default([]),
  /** Additional ones. */
  subnets: z.array(SubnetRequest).max(16).default([]),
  /** Only if the network is as it was at this revision. */
  revision: z.number().int().nonnegative().optional(),
  /** Say what would change; change nothing. */
  dryRun: z.boolean().default(false),
})
export type NetworkUpdateRequest = z.infer<typeof NetworkUpdateRequest>

/** One thing that changed or would: `label team`, `MTU`, `subnet 10.21.0.0/24`; absent where there is none. */
export const NetworkChange = z.strictObject({
  what: z.string(),
  before: z.string().optional(),
  after: z.string().optional(),
})
export type NetworkChange = z.infer<typeof NetworkChange>

/** The network afterwards. No changes: it was so already, and nothing was written. */
export const NetworkUpdateView = z.strictObject({
  network: NetworkView,
  changes: z.array(NetworkChange),
  warnings: z.array(z.string()),
})
export type NetworkUpdateView = z.infer<typeof NetworkUpdateView>

export const NETWORK_OPERATIONS = {
  networkCreate: { method: 'POST', path: '/v1/networks', body: NetworkCreateRequest, reply: NetworkView },
  networkList: { method: 'GET', path: '/v1/networks', reply: z.array(NetworkView) },
  networkInspect: {
    method: 'GET',
    path: '/v1/networks/:ref',
    params: z.strictObject({ ref: Ref }),
    reply: NetworkView,
  },
  networkUpdate: {
    method: 'POST',
    path: '/v1/networks/:ref/update',
    params: z.strictObject({ ref: Ref }),
    body: NetworkUpdateRequest,
    reply: NetworkUpdateView,
  },
  networkRemove: {
    method: 'DELETE',
    path: '/v1/networks/:ref',
    params: z.strictObject({ ref: Ref }),
    /** With `dryRun` only says whether it could be removed, and what would go with it. */
    query: z.strictObject({ req: RequestId, dryRun: BooleanText.optional() }),
    reply: z.strictObject({
      uid: Uid,
      name: z.string(),
      revision: z.number().int(),
      /** What went with it. */
      reservations: z.array(z.strictObject({ name: EndpointName, addresses: z.array(z.string()) })),
    }),
  },
} as const satisfies OperationTable
