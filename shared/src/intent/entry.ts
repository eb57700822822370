/**
 * The intent of one host: a keyed set of entries, a pure function of etcd at a revision. Small entries make deltas,
 * digests and snapshots one and the same mechanism; nothing in an entry depends on how it got to the host.
 */
import { z } from 'zod'
import { CidrText, IpText } from '../words/address-text.ts'
import { EndpointName, InterfaceName, Mac, Name, namedMap, StringMap, Uid } from '../words/names.ts'
import { PublicationSpec } from './publication.ts'

/** Addresses that are never given out, by the names that the admin gave them. */
export const AuxAddresses = namedMap(IpText, 63)

export const SubnetSpec = z.strictObject({
  uid: Uid,
  cidr: CidrText,
  gateway: IpText.optional(),
  ipRange: CidrText.optional(),
  auxAddresses: AuxAddresses,
})
export type SubnetSpec = z.infer<typeof SubnetSpec>

/**
 * How containers of a network reach the outside (DOCKER.md 1.3): Docker's gateway bridge, the subnet's gateway out on the
 * wire, the gateway that Weft answers for on every host, or not.
 */
export const EGRESS_MODES = ['docker', 'gateway', 'weft', 'none'] as const
export type Egress = (typeof EGRESS_MODES)[number]

/** Bytes; what Linux takes on the links that networks are made of. */
export const Mtu = z.number().int().min(68).max(65535)
/** RFC 7348 section 4: 24 bits; 0 is no network. */
export const Vni = z.number().int().min(1).max(0xffffff)

export const NetworkSpec = z.strictObject({
  uid: Uid,
  name: Name,
  driver: z.string(),
  /** As the admin gave them, aliases resolved; the driver's schema parses them again on the host. */
  options: StringMap,
  labels: StringMap,
  internal: z.boolean(),
  egress: z.enum(EGRESS_MODES),
  /** Settled at creation from all hosts' underlays; absent means the parent's. */
  mtu: Mtu.optional(),
  vni: Vni.optional(),
  subnets: z.array(SubnetSpec),
})
export type NetworkSpec = z.infer<typeof NetworkSpec>

/** What an endpoint is that is no container's: a host's own access to the network, or a leg of a router. */
export const ENDPOINT_ROLES = ['shim', 'router'] as const
export type EndpointRole = (typeof ENDPOINT_ROLES)[number]

export const EndpointSpec = z.strictObject({
  uid: Uid,
  network: Uid,
  host: Name,
  mac: Mac,
  /** Addresses without prefix length, IPv4 first. */
  addresses: z.array(IpText),
  name: EndpointName.optional(),
  aliases: z.array(EndpointName),
  /** Its container is stopped and keeps the addresses: nobody answers there, and no name leads there. */
  stopped: z.literal(true).optional(),
  /** Absent: a container's. */
  role: z.enum(ENDPOINT_ROLES).optional(),
  /** Of a leg: whose it is. */
  router: Uid.optional(),
  /** Its addresses belong to its container's name: they are given to nobody of whom it is not known that he has it. */
  reserved: z.literal(true).optional(),
  /** It is to be given back as soon as its container is stopped: the next start gets another address, or is elsewhere. */
  yields: z.literal(true).optional(),
})
export type EndpointSpec = z.infer<typeof EndpointSpec>

export const PeerSpec = z.strictObject({ host: Name, vtep: IpText })
export type PeerSpec = z.infer<typeof PeerSpec>

export const UplinkSpec = z.strictObject({ name: Name, interface: InterfaceName })
export type UplinkSpec = z.infer<typeof UplinkSpec>

/**
 * A router as hosts see it: those of its networks set routes by its legs, which are endpoints; `host` carries it.
 * `generation` counts its moves.
 */
export const RouterSpec = z.strictObject({
  uid: Uid,
  name: Name,
  host: Name,
  generation: z.number().int().positive(),
  networks: z.array(Uid),
})
export type RouterSpec = z.infer<typeof RouterSpec>

/**
 * `network`: every network of the cluster. `endpoint`, `peer`: only of networks in which the host has endpoints; `router`: of
 * those, too. `publication`: to be opened on the host.
 */
export const Entry = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('network'), ...NetworkSpec.shape }),
  z.strictObject({ kind: z.literal('endpoint'), ...EndpointSpec.shape }),
  z.strictObject({ kind: z.literal('peer'), ...PeerSpec.shape }),
  z.strictObject({ kind: z.literal('uplink'), ...UplinkSpec.shape }),
  z.strictObject({ kind: z.literal('router'), ...RouterSpec.shape }),
  z.strictObject({ kind: z.literal('publication'), ...PublicationSpec.shape }),
])
export type Entry = z.infer<typeof Entry>

/** The key of an entry within an intent: `endpoint/<uid>`, `peer/<host>`, … */
export function entryKey(entry: Entry): string {
  switch (entry.kind) {
    case 'network':
    case 'endpoint':
    case 'router':
    case 'publication':
      return `${entry.kind}/${entry.uid}`
    case 'peer':
      return `peer/${entry.host}`
    case 'uplink':
      return `uplink/${entry.name}`
  }
}
