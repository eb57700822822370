/** Networks as the API shows them. */
import { cidrSize, formatAddress, formatCidr, type NetworkView, parseCidr, WeftError } from '@weft/shared'
import { networkSpec, subnetSpec } from './compile.ts'
import { networkByRef } from './find.ts'
import type { NetworkPlan } from './plan-network.ts'
import type { UpdatePlan } from './plan-update.ts'
import type { NetworkRecord, Stored, SubnetRecord } from './records.ts'
import { ruledOut } from './subnet-pool.ts'
import { type ClusterView, containersIn, subnetsOf } from './view.ts'

type SubnetView = NetworkView['subnets'][number]

/** One network. Throws `not_found`. */
export function networkView(view: ClusterView, uid: string): NetworkView {
  const stored = view.networks.get(uid)
  if (stored === undefined) throw new WeftError('not_found', { what: 'no such network', on: uid })
  return viewOf(view, stored)
}

/** By name, uid or unique beginning of a uid. Throws `not_found`, `conflict`. */
export function findNetwork(view: ClusterView, ref: string): NetworkView {
  return viewOf(view, networkByRef(view, ref))
}

/** Every network, by name. */
export function networkViews(view: ClusterView): NetworkView[] {
  return [...view.networks.values()].map((stored) => viewOf(view, stored)).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What a dry run answers: the network as it would be; revision 0, for nothing was written. */
export function plannedView(plan: NetworkPlan, createdAt: string): NetworkView {
  const { req: _, wish: __, subnets, ...rest } = plan
  return {
    ...rest,
    createdAt,
    endpoints: 0,
    revision: 0,
    subnets: subnets.map(plannedSubnet),
  }
}

function plannedSubnet({ uid, cidr, gateway, ipRange, auxAddresses }: NetworkPlan['subnets'][number]): SubnetView {
  const aux = Object.entries(auxAddresses).map(([name, address]) => [name, formatAddress(address)] as const)
  const reserved = ruledOut(cidr).length + 1 + aux.length
  return {
    uid,
    cidr: formatCidr(cidr),
    gateway: formatAddress(gateway),
    ...(ipRange === undefined ? {} : { ipRange: formatCidr(ipRange) }),
    auxAddresses: Object.fromEntries(aux),
    usable: String(cidrSize(cidr) - BigInt(reserved)),
    used: 0,
    reserved,
  }
}

/** What a dry run of an update answers: the network as it is, with what would be other. */
export function updatedView(view: ClusterView, { record, subnets, added }: UpdatePlan): NetworkView {
  const now = networkView(view, record.uid)
  const { labels, options, egress, mtu } = record
  const { mtu: _, ...rest } = now
  const changed = new Map(subnets.map(({ after }) => [after.uid, subnetSpec(after)]))
  return {
    ...rest,
    labels,
    options,
    egress,
    ...(mtu === undefined ? {} : { mtu }),
    subnets: [
      ...now.subnets.map(({ ipRange, ...subnet }) => ({
        ...subnet,
        ...(changed.get(subnet.uid) ?? (ipRange === undefined ? {} : { ipRange })),
      })),
      ...added.map(plannedSubnet),
    ],
  }
}

function viewOf(view: ClusterView, { value, modRevision }: Stored<NetworkRecord>): NetworkView {
  return {
    ...networkSpec(view, value),
    createdAt: value.createdAt,
    subnets: subnetsOf(view, value).map((subnet) => subnetView(view, subnet)),
    endpoints: containersIn(view, value.uid),
    revision: modRevision,
    warnings: value.warnings,
  }
}

function subnetView(view: ClusterView, subnet: SubnetRecord): SubnetView {
  const pool = view.pools.get(subnet.uid)
  const reserved = [...(pool?.reserved.values() ?? [])]
  const forGood = reserved.filter((record) => !['quarantine', 'name'].includes(record?.value.purpose ?? '')).length
  return {
    ...subnetSpec(subnet),
    usable: String(cidrSize(parseCidr(subnet.cidr)) - BigInt(forGood)),
    used: pool?.held.size ?? 0,
    reserved: reserved.length,
  }
}
