/** One kernel change. The diff writes them, `kernel/` carries them out, the log prints them like iproute2 lines. */
import { z } from 'zod'
import {
  AddressSchema,
  FamilySchema,
  FdbEntrySchema,
  LinkSchema,
  NamespaceSchema,
  NeighbourSchema,
  RouteSchema,
} from './host-state.ts'
import { ComingLinkSchema, NftTableRefSchema, NftTableSchema } from './nft-table.ts'

const LinkKey = { netns: z.string(), name: z.string() }

export const OpSchema = z.discriminatedUnion('op', [
  /** Makes the namespace unless it is there, and sets it up. */
  z.strictObject({ op: z.literal('netns-add'), namespace: NamespaceSchema }),
  /** Removes the namespace with all that is in it. */
  z.strictObject({ op: z.literal('netns-delete'), netns: z.string() }),
  /** Creates the link with all its attributes, up included only if `up` is true and no later op sets it. */
  z.strictObject({ op: z.literal('link-add'), link: LinkSchema }),
  /** `why` is given when an immutable attribute forced delete and create. */
  z.strictObject({ op: z.literal('link-delete'), ...LinkKey, why: z.string().optional() }),
  /** Changes only the attributes named in `set`. */
  z.strictObject({
    op: z.literal('link-set'),
    ...LinkKey,
    set: z.strictObject({
      /** Its new name, after everything else. */
      name: z.string().optional(),
      mtu: z.number().int().optional(),
      mac: z.string().optional(),
      up: z.boolean().optional(),
      master: z.string().nullable().optional(),
      port: z.record(z.string(), z.boolean()).optional(),
      alias: z.string().optional(),
      ipv6: z.boolean().optional(),
      forwarding: z.boolean().optional(),
      strictArp: z.boolean().optional(),
      proxy: z.boolean().optional(),
      multicastSnooping: z.boolean().optional(),
    }),
  }),
  z.strictObject({ op: z.literal('address-add'), address: AddressSchema }),
  z.strictObject({ op: z.literal('address-delete'), address: AddressSchema }),
  /** Adds or replaces. */
  z.strictObject({ op: z.literal('route-set'), route: RouteSchema }),
  z.strictObject({ op: z.literal('route-delete'), route: RouteSchema }),
  z.strictObject({ op: z.literal('neighbour-set'), neighbour: NeighbourSchema }),
  z.strictObject({ op: z.literal('neighbour-delete'), neighbour: NeighbourSchema }),
  /** Adds or replaces; entries of the all-zero MAC are appended, since there is one per peer. */
  z.strictObject({ op: z.literal('fdb-set'), entry: FdbEntrySchema }),
  z.strictObject({ op: z.literal('fdb-delete'), entry: FdbEntrySchema }),
  /** Makes the table, or replaces the whole of it in one transaction; before its link is there when that is `coming`. */
  z.strictObject({ op: z.literal('nft-table-set'), table: NftTableSchema, coming: ComingLinkSchema.optional() }),
  z.strictObject({ op: z.literal('nft-table-delete'), table: NftTableRefSchema }),
  /** Switches routing on for these families, and makes room for our gateways in iptables; of the others takes the room away. */
  z.strictObject({ op: z.literal('host-forwarding-set'), families: z.array(FamilySchema) }),
  /** Forgets what connection tracking of the host knows of flows to these ports; the next packet begins a new one. */
  z.strictObject({ op: z.literal('flows-forget'), protocol: z.literal('udp'), ports: z.array(z.number().int()) }),
])
export type Op = z.infer<typeof OpSchema>
