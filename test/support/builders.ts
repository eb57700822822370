/** Builders of what tests begin with. */
import {
  type EndpointSpec,
  type Entry,
  type EntryMap,
  type NetworkCreateRequest,
  type NetworkSpec,
  toEntryMap,
} from '@weft/shared'
import { type AgentState, blankState, type LocalRecord } from '../../agent/src/state/records.ts'

export const uidOf = (letter: string): string => letter.repeat(20)
export const NET = uidOf('n')
export const SUB4 = uidOf('4')
export const SUB6 = uidOf('6')

/** A wish for an overlay with everything left to Weft. */
export function plainRequest(name: string): NetworkCreateRequest {
  return {
    req: 'request-1',
    name,
    driver: 'overlay',
    subnets: [],
    auxAddresses: {},
    options: {},
    labels: {},
    internal: false,
    ipv4: true,
    ipv6: false,
    dryRun: false,
  }
}

export function network(parts: Partial<NetworkSpec> = {}): NetworkSpec {
  return {
    uid: NET,
    name: 'mynet',
    driver: 'overlay',
    options: {},
    labels: {},
    internal: false,
    egress: 'docker',
    vni: 4096,
    mtu: 1450,
    subnets: [
      { uid: SUB4, cidr: '10.1.0.0/24', gateway: '10.1.0.1', auxAddresses: { router: '10.1.0.9' } },
      { uid: SUB6, cidr: 'fd01::/64', gateway: 'fd01::1', auxAddresses: {} },
    ],
    ...parts,
  }
}

export function endpoint(parts: Partial<EndpointSpec> = {}): EndpointSpec {
  return {
    uid: uidOf('e'),
    network: NET,
    host: 'docker1',
    mac: '02:00:00:00:00:01',
    addresses: ['10.1.0.5'],
    aliases: [],
    ...parts,
  }
}

export function record(parts: Partial<LocalRecord> = {}): LocalRecord {
  return {
    uid: uidOf('e'),
    network: NET,
    mac: '02:00:00:00:00:01',
    addresses: ['10.1.0.5/24'],
    phase: 'sandbox',
    held: false,
    since: 0,
    asked: false,
    wayOut: false,
    settled: true,
    aliases: [],
    ...parts,
  }
}

export const networkEntry = (parts: Partial<NetworkSpec> = {}): Entry => ({ kind: 'network', ...network(parts) })
export const endpointEntry = (parts: Partial<EndpointSpec> = {}): Entry => ({ kind: 'endpoint', ...endpoint(parts) })
export const entriesOf = (...entries: Entry[]): EntryMap => toEntryMap(entries)

export function state(parts: Partial<AgentState> = {}, records: readonly LocalRecord[] = []): AgentState {
  return {
    ...blankState('instance1'),
    identity: { cluster: 'c', incarnation: 1, epoch: 1 },
    endpointsKnown: true,
    entries: entriesOf(networkEntry()),
    endpoints: new Map(records.map((each) => [each.uid, each])),
    ...parts,
  }
}
