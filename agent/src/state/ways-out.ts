/**
 * Which endpoints of a sandbox carry its default routes, and which of them Docker is told of. Pure.
 *
 * Docker moves a default route whenever a network comes or goes, by rules that differ from engine to engine, and fails when
 * it finds one that it did not make. So of a sandbox Docker is told of one way out at most, the first; all others are
 * ours, and of all of them the one with the highest priority (option `weft.gw-priority`), then the first network by name,
 * has the route: each family its own, so that a network without IPv6 takes no IPv6 route away.
 *
 * Invariants
 * - While Docker may be about to make its route, nobody else's is wanted in that sandbox.
 * - Where Docker chose a network that is not Weft's, it keeps it.
 */
import { deviceRoutes, type EntryMap, type NetworkSpec } from '@weft/shared'
import { leavesByGateway } from './egress.ts'
import { gatewaysOf, hasGateway, networkOf, traitsOf } from './networks.ts'
import { isWired, type LocalRecord, type LocalRecords } from './records.ts'

/** Default routes of one endpoint: by next hop, or by device (their destinations). */
export interface Ways {
  readonly gateways: readonly string[]
  readonly devices: readonly string[]
}

export const NO_WAYS: Ways = { gateways: [], devices: [] }

interface Candidate extends Ways {
  readonly record: LocalRecord
  readonly network: NetworkSpec
}

/** The default routes that each endpoint is to have; endpoints without any are left out. */
export function waysOut(records: LocalRecords, entries: EntryMap): ReadonlyMap<string, Ways> {
  const chosen = new Map<string, Ways>()
  for (const candidates of bySandbox(records, entries).values()) {
    if (isDockersTurn(candidates)) continue
    for (const isIpv6 of [false, true]) {
      const [best] = candidates
        .map((each) => ofFamily(each, isIpv6))
        .filter(isSome)
        .sort(inOrder)
      if (best === undefined) continue
      const { gateways, devices } = chosen.get(best.record.uid) ?? NO_WAYS
      chosen.set(best.record.uid, {
        gateways: [...gateways, ...best.gateways],
        devices: [...devices, ...best.devices],
      })
    }
  }
  return chosen
}

/** True when another endpoint of the sandbox is a way out already, so that Docker is not to be told of this one. */
export function hasOtherWayOut(records: LocalRecords, entries: EntryMap, uid: string, sandbox: string): boolean {
  const others = [...records.values()].filter((each) => each.uid !== uid && each.sandbox === sandbox)
  return others.some((each) => candidateOf(each, entries) !== undefined)
}

/** Docker counts no gateway of IPv6 alone as a way out: it would make no route by it, and add a bridge of its own. */
export function isUnseenByDocker({ network: uid, addresses }: LocalRecord, entries: EntryMap): boolean {
  const network = networkOf(entries, uid)
  if (network === undefined || !hasGateway(network) || traitsOf(network).deviceRoute) return false
  const gateways = gatewaysOf(network, addresses)
  return gateways.length > 0 && gateways.every((gateway) => gateway.includes(':'))
}

/** False for one that is never to have the default route: its priority is below 0. */
export function mayBeWayOut({ gwPriority = 0 }: Pick<LocalRecord, 'gwPriority'>): boolean {
  return gwPriority >= 0
}

/** The default routes that Docker makes for the endpoint before its container runs. */
export function dockersWays(record: LocalRecord, entries: EntryMap): Ways {
  const candidate = record.ownGateway === true ? undefined : candidateOf(record, entries)
  if (candidate === undefined || (candidate.gateways.length > 0 && !record.wayOut)) return NO_WAYS
  return candidate
}

function bySandbox(records: LocalRecords, entries: EntryMap): Map<string, Candidate[]> {
  const sandboxes = new Map<string, Candidate[]>()
  for (const record of records.values()) {
    const candidate = candidateOf(record, entries)
    if (candidate === undefined || record.sandbox === undefined) continue
    sandboxes.set(record.sandbox, [...(sandboxes.get(record.sandbox) ?? []), candidate])
  }
  return sandboxes
}

function candidateOf(record: LocalRecord, entries: EntryMap): Candidate | undefined {
  const network = isWired(record) && mayBeWayOut(record) ? networkOf(entries, record.network) : undefined
  if (network === undefined || !leavesByGateway(record, network)) return undefined
  const { addresses } = record
  if (traitsOf(network).deviceRoute) return { record, network, gateways: [], devices: deviceRoutes(addresses) }
  return { record, network, gateways: gatewaysOf(network, addresses), devices: [] }
}

/** One of which Docker was told waits, among several, for its interface; Docker has not chosen it; or it makes a way by its bridge. */
function isDockersTurn(candidates: readonly Candidate[]): boolean {
  return candidates.some(({ record, gateways }) => {
    if (record.joinedEgress === 'docker' && !record.settled) return true
    if (record.ownGateway === true) return false
    return (candidates.length > 1 && record.phase !== 'sandbox') || (gateways.length > 0 && !record.wayOut)
  })
}

function ofFamily(candidate: Candidate, isIpv6: boolean): Candidate {
  const own = (text: string) => text.includes(':') === isIpv6
  return { ...candidate, gateways: candidate.gateways.filter(own), devices: candidate.devices.filter(own) }
}

function isSome({ gateways, devices }: Ways): boolean {
  return gateways.length + devices.length > 0
}

function inOrder(a: Candidate, b: Candidate): number {
  return (b.record.gwPriority ?? 0) - (a.record.gwPriority ?? 0) || (a.network.name < b.network.name ? -1 : 1)
}
