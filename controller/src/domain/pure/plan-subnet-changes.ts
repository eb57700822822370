/** What an update does to a network's subnets: ranges, auxiliary addresses, additional subnets. Pure; checks all rules. */
import {
  type Address,
  addressFromHex,
  addressToHex,
  type Cidr,
  containsAddress,
  containsCidr,
  driverFor,
  formatAddress,
  formatCidr,
  type NetworkChange,
  type NetworkUpdateRequest,
  parseAddress,
  parseCidr,
  parseOptions,
  WeftError,
} from '@weft/shared'
import { change, mapChanges, needsNewNetwork } from './changes.ts'
import { checkFree, checkTogether, occupiedRanges, planSubnet, type SubnetPlan } from './check-subnets.ts'
import { heldByEndpoint, reservedAddress } from './holders.ts'
import { type NetworkPlan, parseAux } from './plan-network.ts'
import type { NetworkRecord, Stored, SubnetRecord } from './records.ts'
import { yieldsToWish } from './reservations.ts'
import { NO_PARENT, settleParent } from './settle-parent.ts'
import { uidOf } from './uids.ts'
import type { ClusterView } from './view.ts'

export interface SubnetChange {
  readonly before: Stored<SubnetRecord>
  readonly after: SubnetRecord
}

/** An address of an existing subnet that is to be reserved, or not any more. */
export interface AuxChange {
  readonly subnet: string
  readonly hex: string
  readonly name: string
  readonly add: boolean
  /** Mod revision of the quarantine that the reservation ends. */
  readonly ends?: number
}

export interface SubnetChanges {
  readonly subnets: readonly SubnetChange[]
  readonly added: NetworkPlan['subnets']
  readonly auxiliary: readonly AuxChange[]
  readonly words: readonly NetworkChange[]
  readonly warnings: readonly string[]
}

/** Subnets of one network; as many as a create request takes. */
const MOST_SUBNETS = 16

/** @throws `unsupported`, `invalid`, `conflict` */
export function planSubnetChanges(
  view: ClusterView,
  network: NetworkRecord,
  request: NetworkUpdateRequest,
): SubnetChanges {
  const existing = network.subnets.flatMap((uid) => view.subnets.get(uid) ?? [])
  const aux = auxAfter(existing, request)
  const ranges = rangesAfter(existing, request.ipRanges)
  const kept = existing.map((before) => keptSubnet(before, aux, ranges))
  const added = request.subnets.map((subnet, index) => ({
    ...planSubnet(subnet, aux),
    uid: uidOf('subnet', network.uid, String(network.subnets.length + index)),
  }))
  checkTogether([...kept.map(({ plan }) => plan), ...added], aux)
  checkAdded(view, network, existing, added)
  const subnets = kept.flatMap(({ before, after }) => (differs(before.value, after) ? [{ before, after }] : []))
  return {
    subnets,
    added,
    auxiliary: subnets.flatMap((subnet) => auxChanges(view, subnet)),
    words: [...subnets.flatMap(subnetWords), ...added.flatMap(addedWords)],
    warnings: [...subnets.flatMap((subnet) => outside(view, subnet)), ...added.map(oldHosts)],
  }
}

/** Every auxiliary address that the network is to have. */
function auxAfter(existing: readonly Stored<SubnetRecord>[], request: NetworkUpdateRequest): Record<string, Address> {
  const now = Object.assign({}, ...existing.map(({ value }) => value.auxAddresses)) as Record<string, string>
  for (const name of request.auxRemove) {
    if (Object.hasOwn(request.auxAddresses, name)) {
      const why = 'it is to be set and to be removed'
      throw new WeftError('invalid', {
        what: 'auxiliary address named twice',
        on: name,
        why,
        remedy: 'ask for one of them',
      })
    }
    delete now[name]
  }
  return parseAux({ ...now, ...request.auxAddresses })
}

/** The range of each subnet that gets one, by the subnet's uid; undefined: none any more. */
function rangesAfter(
  existing: readonly Stored<SubnetRecord>[],
  texts: readonly string[],
): Map<string, Cidr | undefined> {
  const ranges = new Map<string, Cidr | undefined>()
  for (const text of texts) {
    const range = parseCidr(text)
    const subnet = existing.find(({ value }) => containsCidr(parseCidr(value.cidr), range))?.value
    if (subnet === undefined) {
      const why = `its subnets are ${existing.map(({ value }) => value.cidr).join(', ')}`
      const remedy = 'choose a part of one of them; a new subnet is given with its own range'
      throw new WeftError('invalid', { what: 'IP range is outside the network', on: text, why, remedy })
    }
    if (ranges.has(subnet.uid)) {
      const why = `another one is given for ${subnet.cidr}`
      throw new WeftError('invalid', {
        what: 'IP range given twice',
        on: text,
        why,
        remedy: 'give one for each subnet',
      })
    }
    ranges.set(subnet.uid, formatCidr(range) === subnet.cidr ? undefined : range)
  }
  return ranges
}

function keptSubnet(
  before: Stored<SubnetRecord>,
  aux: Readonly<Record<string, Address>>,
  ranges: ReadonlyMap<string, Cidr | undefined>,
): { before: Stored<SubnetRecord>; after: SubnetRecord; plan: SubnetPlan } {
  const { ipRange: oldRange, ...rest } = before.value
  const range = ranges.has(rest.uid) ? ranges.get(rest.uid) : oldRange === undefined ? undefined : parseCidr(oldRange)
  const { cidr, gateway } = rest
  const ipRange = range === undefined ? {} : { ipRange: formatCidr(range) }
  const plan = planSubnet({ subnet: cidr, ...(gateway === undefined ? {} : { gateway }), ...ipRange }, aux)
  const auxAddresses = Object.fromEntries(
    Object.entries(plan.auxAddresses).map(([name, address]) => [name, formatAddress(address)]),
  )
  return { before, after: { ...rest, ...ipRange, auxAddresses }, plan }
}

function differs(a: SubnetRecord, b: SubnetRecord): boolean {
  return a.ipRange !== b.ipRange || mapChanges('', a.auxAddresses, b.auxAddresses).length > 0
}

function checkAdded(
  view: ClusterView,
  network: NetworkRecord,
  existing: readonly Stored<SubnetRecord>[],
  added: readonly SubnetPlan[],
): void {
  if (added.length === 0) return
  const most = existing.length + added.length
  if (most > MOST_SUBNETS) {
    const why = `a network takes ${MOST_SUBNETS}`
    throw new WeftError('invalid', { what: 'too many subnets', on: String(most), why, remedy: 'add fewer' })
  }
  const driver = driverFor(network.driver)
  const parent = driver.parent(parseOptions(driver, network.options))
  const settled = parent === undefined ? NO_PARENT : settleParent(view, parent)
  const occupied = occupiedRanges(view, settled.ownRange)
  for (const { cidr } of added) {
    checkFree(cidr, occupied)
    if (existing.some(({ value }) => parseCidr(value.cidr).family === cidr.family)) continue
    const why = `it has no IPv${cidr.family} subnet, and Docker’s network on each host was made without IPv${cidr.family}`
    throw needsNewNetwork(network.name, formatCidr(cidr), why)
  }
}

/** @throws `conflict` when an address that is to be reserved is somebody's: the error names whose */
function auxChanges(view: ClusterView, { before, after }: SubnetChange): AuxChange[] {
  const { uid, cidr } = after
  const network = view.networks.get(after.network)?.value.name ?? after.network
  const [old, now] = [before.value.auxAddresses, after.auxAddresses]
  const hexOf = (text: string) => addressToHex(parseAddress(text))
  const gone = Object.entries(old).filter(([name, text]) => now[name] !== text)
  const fresh = Object.entries(now).filter(([name, text]) => old[name] !== text)
  const renamed = new Set(gone.map(([, text]) => text))
  const pool = view.pools.get(uid)
  return [
    ...gone
      .filter(([, text]) => !Object.values(now).includes(text))
      .map(([name, text]) => ({ subnet: uid, hex: hexOf(text), name, add: false })),
    ...fresh.map(([name, text]) => {
      const hex = hexOf(text)
      const holder = pool?.held.has(hex) ? view.endpoints.get(pool.held.get(hex)?.value.endpoint ?? '') : undefined
      if (holder !== undefined) throw heldByEndpoint(text, holder.value)
      const reserved = pool?.reserved.get(hex)
      if (reserved === undefined) return { subnet: uid, hex, name, add: true }
      if (!yieldsToWish(reserved.value) && !renamed.has(text))
        throw reservedAddress(text, network, cidr, reserved.value)
      return { subnet: uid, hex, name, add: true, ends: reserved.modRevision }
    }),
  ]
}

function subnetWords({ before, after }: SubnetChange): NetworkChange[] {
  const { cidr } = after
  return [
    ...change(`range of ${cidr}`, before.value.ipRange, after.ipRange),
    ...mapChanges('auxiliary address', before.value.auxAddresses, after.auxAddresses),
  ]
}

function addedWords({ cidr, gateway, ipRange, auxAddresses }: SubnetPlan): NetworkChange[] {
  const range = ipRange === undefined ? '' : `, range ${formatCidr(ipRange)}`
  const aux = Object.entries(auxAddresses).map(([name, address]) => `, ${name} ${formatAddress(address)}`)
  return change(`subnet ${formatCidr(cidr)}`, undefined, `gateway ${formatAddress(gateway)}${range}${aux.join('')}`)
}

/** Endpoints keep what they have; whoever narrows a range may think otherwise. */
function outside(view: ClusterView, { before, after }: SubnetChange): string[] {
  if (after.ipRange === undefined || after.ipRange === before.value.ipRange) return []
  const range = parseCidr(after.ipRange)
  const held = [...(view.pools.get(after.uid)?.held.keys() ?? [])].map(addressFromHex)
  const count = held.filter((address) => !containsAddress(range, address)).length
  return count === 0 ? [] : [`${count} addresses in use lie outside ${after.ipRange}; their containers keep them`]
}

/** Docker's network on a host has its pools for good (`--ip` is checked against them); without `--ip` the address may be of any. */
function oldHosts({ cidr }: SubnetPlan): string {
  return `on hosts that have the network already, containers get addresses of ${formatCidr(cidr)} when the older subnets are full; Docker takes --ip of the older subnets only`
}
