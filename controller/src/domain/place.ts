/**
 * Endpoints that the controller itself places: hosts' shims, legs of routers. Like a claim (T1), for somebody who asks for
 * nothing: the records of the endpoint, its MAC and all its addresses appear together.
 */
import { addressToHex, formatAddress, parseCidr, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { exhausted } from './pure/holders.ts'
import { addressKeyOf, keys } from './pure/keys.ts'
import { macOf } from './pure/macs.ts'
import type { EndpointRecord, HeldRecord, NetworkRecord, Stored, SubnetRecord } from './pure/records.ts'
import { type ClusterView, subnetsOf } from './pure/view.ts'

export interface Place {
  readonly uid: string
  readonly req: string
  readonly network: Stored<NetworkRecord>
  readonly host: string
  readonly holder: NonNullable<EndpointRecord['holder']>
  readonly addresses: readonly PlacedAddress[]
}

export interface PlacedAddress {
  readonly subnet: SubnetRecord
  readonly ip: string
  /** The subnet's gateway address, whose reservation stays beside. */
  readonly isGateway: boolean
}

/**
 * One address of each family but those of `without`, of its first subnet that has one left, chosen like a container's and
 * held until `settle` is called.
 * @throws `exhausted`
 */
export function chooseAddresses(
  deps: DomainDeps,
  view: ClusterView,
  network: NetworkRecord,
  without: ReadonlySet<4 | 6> = new Set(),
): { readonly addresses: PlacedAddress[]; readonly settle: (revision: number | undefined) => void } {
  const { desk } = deps.cluster
  const held: { subnet: string; hex: string }[] = []
  const letGo = () => {
    for (const { subnet, hex } of held) desk.release(subnet, hex)
  }
  const addresses: PlacedAddress[] = []
  for (const first of firstOfEachFamily(view, network)) {
    const { family } = parseCidr(first.cidr)
    if (without.has(family)) continue
    const picked = firstFree(deps, view, network, family)
    if (picked === undefined) {
      letGo()
      throw exhausted(view, network.name, first)
    }
    const { subnet, address } = picked
    held.push({ subnet: subnet.uid, hex: addressToHex(address) })
    addresses.push({ subnet, ip: formatAddress(address), isGateway: false })
  }
  return {
    addresses,
    settle: (revision) => {
      if (revision === undefined || deps.cluster.current().revision >= revision) letGo()
      else deps.cluster.waitFor(revision).then(letGo, letGo)
    },
  }
}

function firstFree({ cluster }: DomainDeps, view: ClusterView, network: NetworkRecord, family: 4 | 6) {
  for (const subnet of subnetsOf(view, network)) {
    if (parseCidr(subnet.cidr).family !== family) continue
    const address = cluster.desk.pick(view, subnet.uid)
    if (address !== undefined) return { subnet, address }
  }
  return undefined
}

export function firstOfEachFamily(view: ClusterView, network: NetworkRecord): SubnetRecord[] {
  const byFamily = new Map<4 | 6, SubnetRecord>()
  for (const subnet of subnetsOf(view, network)) {
    const { family } = parseCidr(subnet.cidr)
    if (!byFamily.has(family)) byFamily.set(family, subnet)
  }
  return [...byFamily].sort(([a], [b]) => a - b).map(([, subnet]) => subnet)
}

/** What must hold, and what is written then. @throws `internal` without an address */
export function placing(deps: DomainDeps, view: ClusterView, place: Place): { when: Compare[]; write: KvOp[] } {
  const { uid, req, network, host, holder, addresses } = place
  const [first] = addresses
  if (first === undefined) throw new WeftError('internal', { what: 'network has no subnet', on: network.value.name })
  const mac = macOf(network.value.uid, first.ip, 0)
  const record: EndpointRecord = {
    v: 1,
    req,
    gen: 1,
    uid,
    network: network.value.uid,
    host,
    mac,
    addresses: addresses.map(({ subnet, ip }) => ({ subnet: subnet.uid, ip })),
    state: 'attached',
    aliases: [],
    createdAt: nowText(deps.clock),
    holder,
  }
  const held: HeldRecord = { v: 1, req, endpoint: uid, host, chosen: false }
  const when: Compare[] = [
    { key: keys.network(network.value.uid), create: network.createRevision },
    { key: keys.endpoint(uid), create: 0 },
    { key: keys.mac(network.value.uid, mac), create: 0 },
  ]
  const write: KvOp[] = [
    { put: keys.endpoint(uid), value: JSON.stringify(record) },
    { put: keys.mac(network.value.uid, mac), value: JSON.stringify({ v: 1, req, endpoint: uid }) },
  ]
  for (const { subnet, ip, isGateway } of addresses) {
    const address = { subnet: subnet.uid, ip }
    when.push({ key: addressKeyOf('held', address), create: 0 })
    if (!isGateway) when.push({ key: addressKeyOf('reserved', address), create: 0 })
    write.push({ put: addressKeyOf('held', address), value: JSON.stringify(held) })
    const createRevision = view.subnets.get(subnet.uid)?.createRevision ?? 0
    when.push({ key: keys.subnet(subnet.uid), create: createRevision })
  }
  return { when, write }
}
