/**
 * From the cluster's records to the intent of one host: a pure function, the same bytes from every controller
 * (TRUTH.md I15). Nothing of a revision, a time or a state enters it.
 */
import { type EndpointSpec, type Entry, type EntryMap, entryKey, type NetworkSpec, type SubnetSpec } from '@weft/shared'
import type { EndpointRecord, NetworkRecord, SubnetRecord } from './records.ts'
import { type ClusterView, hostsOf, subnetsOf, vtepOf } from './view.ts'

/**
 * What a host must realise: every network; endpoints (its own and the others') of the networks in which it has one;
 * the VTEPs of the hosts that it shares a network with; its own uplinks. Sorted by key.
 */
export function compileHost(view: ClusterView, host: string): EntryMap {
  const networks = [...(view.networksOfHost.get(host) ?? [])]
  const entries: Entry[] = [
    ...[...view.networks.values()].map(({ value }) => networkEntry(view, value)),
    ...networks.flatMap((network) => endpointEntries(view, network)),
    ...peersOf(view, host, networks),
    ...uplinkEntries(view, host),
  ]
  const keyed = entries.map((entry): [string, Entry] => [entryKey(entry), entry])
  return new Map(keyed.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** An endpoint as hosts and agents see it. */
export function endpointSpec(record: EndpointRecord): EndpointSpec {
  const { uid, network, host, mac, name, aliases } = record
  const addresses = record.addresses.map(({ ip }) => ip)
  return { uid, network, host, mac, addresses, ...(name === undefined ? {} : { name }), aliases }
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

function networkEntry(view: ClusterView, record: NetworkRecord): Entry {
  return { kind: 'network', ...networkSpec(view, record) }
}

/** Made once per record: unchanged endpoints are the same objects in every intent, which makes comparing them quick. */
const endpointEntryOf = memoByRecord((record: EndpointRecord): Entry => ({ kind: 'endpoint', ...endpointSpec(record) }))

function endpointEntries(view: ClusterView, network: string): Entry[] {
  return [...(view.participants.get(network)?.values() ?? [])].flatMap((uids) =>
    [...uids].flatMap((uid) => {
      const stored = view.endpoints.get(uid)
      return stored === undefined ? [] : [endpointEntryOf(stored.value)]
    }),
  )
}

function peersOf(view: ClusterView, host: string, networks: readonly string[]): Entry[] {
  const peers = new Set(networks.flatMap((network) => hostsOf(view, network)))
  peers.delete(host)
  return [...peers].flatMap((peer) => {
    const spec = vtepOf(view, peer)
    return spec === undefined ? [] : [{ kind: 'peer' as const, ...spec }]
  })
}

function uplinkEntries(view: ClusterView, host: string): Entry[] {
  return [...view.uplinks].flatMap(([name, hosts]) => {
    const uplink = hosts.get(host)
    return uplink === undefined ? [] : [{ kind: 'uplink' as const, name, interface: uplink.value.interface }]
  })
}

function memoByRecord<R extends object, T>(make: (record: R) => T): (record: R) => T {
  const made = new WeakMap<R, T>()
  return (record) => {
    const known = made.get(record)
    if (known !== undefined) return known
    const entry = make(record)
    made.set(record, entry)
    return entry
  }
}
