/**
 * From the cluster's records to the intent of one host: a pure function, the same bytes from every controller
 * (TRUTH.md I15). Nothing of a revision or a time enters it; of a state only whether the container is stopped.
 */
import {
  type EndpointSpec,
  type Entry,
  type EntryMap,
  entryKey,
  type NetworkSpec,
  type RouterSpec,
  type SubnetSpec,
} from '@weft/shared'
import { publicationEntry, publishingHosts } from './publications.ts'
import type { EndpointRecord, FactsRecord, NetworkRecord, RouterRecord, SubnetRecord } from './records.ts'
import { type ClusterView, hostsOf, subnetsOf } from './view.ts'

/**
 * What a host must realise: every network; endpoints (its own and the others') of the networks in which it has one;
 * the VTEPs of the hosts that it shares a network with; its own uplinks; the routers that it carries, or whose networks it
 * has endpoints in. Sorted by key.
 */
export function compileHost(view: ClusterView, host: string): EntryMap {
  const networks = [...(view.networksOfHost.get(host) ?? [])]
  const entries: Keyed[] = [
    ...[...view.networks.values()].map(({ value }) => networkEntry(view, value)),
    ...networks.flatMap((network) => endpointEntries(view, network)),
    ...peersOf(view, host, networks),
    ...uplinkEntries(view, host),
    ...routerEntries(view, host, networks),
    ...publicationEntries(view, host),
  ]
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

type Keyed = readonly [key: string, entry: Entry]

/** An endpoint as hosts and agents see it. */
export function endpointSpec(record: EndpointRecord): EndpointSpec {
  const { uid, network, host, mac, name, aliases, reserved, yields, holder } = record
  const addresses = record.addresses.map(({ ip }) => ip)
  const stopped = record.state === 'detached' ? { stopped: true as const } : {}
  const role = holder === undefined ? {} : { role: holder.kind }
  const router = holder?.kind === 'router' ? { router: holder.router } : {}
  // A container's name leads somewhere only once the container is there.
  const named = name === undefined || record.state === 'pending' ? {} : { name }
  const marks = { ...(reserved === undefined ? {} : { reserved }), ...(yields === undefined ? {} : { yields }) }
  return { uid, network, host, mac, addresses, ...named, aliases, ...stopped, ...marks, ...role, ...router }
}

export function subnetSpec(record: SubnetRecord): SubnetSpec {
  const { uid, cidr, gateway, ipRange, auxAddresses } = record
  return {
    uid,
    cidr,
    ...(gateway === undefined ? {} : { gateway }),
    ...(ipRange === undefined ? {} : { ipRange }),
    auxAddresses,
  }
}

export function networkSpec(view: ClusterView, record: NetworkRecord): NetworkSpec {
  const { uid, name, driver, options, labels, internal, egress, mtu, vni } = record
  return {
    uid,
    name,
    driver,
    options,
    labels,
    internal,
    egress,
    ...(mtu === undefined ? {} : { mtu }),
    ...(vni === undefined ? {} : { vni }),
    subnets: subnetsOf(view, record).map(subnetSpec),
  }
}

// Entries are made once per record: what did not change is the same object in every intent, which makes compiling and
// comparing quick.
const networkEntries = new WeakMap<NetworkRecord, { readonly subnets: readonly SubnetRecord[]; readonly made: Keyed }>()

function networkEntry(view: ClusterView, record: NetworkRecord): Keyed {
  const subnets = subnetsOf(view, record)
  const known = networkEntries.get(record)
  const same = known?.subnets.length === subnets.length && subnets.every((subnet, at) => subnet === known.subnets[at])
  if (known !== undefined && same) return known.made
  const made = keyed({ kind: 'network', ...networkSpec(view, record) })
  networkEntries.set(record, { subnets, made })
  return made
}

const endpointEntryOf = memoByRecord((record: EndpointRecord) => keyed({ kind: 'endpoint', ...endpointSpec(record) }))
const peerEntryOf = memoByRecord(({ facts }: FactsRecord, host: string) =>
  keyed({ kind: 'peer', host, vtep: facts.underlay.address }),
)

function endpointEntries(view: ClusterView, network: string): Keyed[] {
  return [...(view.participants.get(network)?.values() ?? [])].flatMap((uids) =>
    [...uids].flatMap((uid) => {
      const stored = view.endpoints.get(uid)
      return stored === undefined ? [] : [endpointEntryOf(stored.value, uid)]
    }),
  )
}

function peersOf(view: ClusterView, host: string, networks: readonly string[]): Keyed[] {
  const peers = new Set(networks.flatMap((network) => hostsOf(view, network)))
  peers.delete(host)
  return [...peers].flatMap((peer) => {
    const facts = view.facts.get(peer)
    return facts === undefined ? [] : [peerEntryOf(facts.value, peer)]
  })
}

function routerEntries(view: ClusterView, host: string, networks: readonly string[]): Keyed[] {
  const own = new Set(networks)
  return [...view.routers.values()].flatMap(({ value }) => {
    const spec = routerSpec(view, value)
    const concerns = spec?.host === host || value.networks.some((network) => own.has(network))
    return spec === undefined || !concerns ? [] : [keyed({ kind: 'router', ...spec })]
  })
}

/** Undefined while nothing says which host carries it. */
function routerSpec(view: ClusterView, { uid, name, networks }: RouterRecord): RouterSpec | undefined {
  const placement = view.placements.get(uid)?.value
  return placement === undefined ? undefined : { uid, name, host: placement.host, generation: placement.gen, networks }
}

function uplinkEntries(view: ClusterView, host: string): Keyed[] {
  return [...view.uplinks].flatMap(([name, hosts]) => {
    const uplink = hosts.get(host)
    return uplink === undefined ? [] : [keyed({ kind: 'uplink', name, interface: uplink.value.interface })]
  })
}

function publicationEntries(view: ClusterView, host: string): Keyed[] {
  return [...view.publications.values()].flatMap(({ value }) =>
    publishingHosts(view, value).includes(host)
      ? [keyed({ kind: 'publication', ...publicationEntry(view, value) })]
      : [],
  )
}

function keyed(entry: Entry): Keyed {
  return [entryKey(entry), entry]
}

/** `id` must be the same for the same record. */
function memoByRecord<R extends object, T>(make: (record: R, id: string) => T): (record: R, id: string) => T {
  const made = new WeakMap<R, T>()
  return (record, id) => {
    const known = made.get(record)
    if (known !== undefined) return known
    const entry = make(record, id)
    made.set(record, entry)
    return entry
  }
}
