/**
 * What a change of the way out means to containers that run, by host and name. They follow at once (agent/src/state/egress.ts),
 * save those that would need an interface on Docker's own bridge, which Docker gives at their start only. Pure.
 */
import { type Egress, listed } from '@weft/shared'
import type { EndpointRecord, NetworkRecord } from './records.ts'
import { type ClusterView, endpointsOf } from './view.ts'

/** Names of one host that a line holds; of the others it says how many. */
const MOST_NAMES = 12

export function egressWarnings(view: ClusterView, network: NetworkRecord, after: Egress): string[] {
  const before = network.egress
  if (before === after) return []
  const running = endpointsOf(view, network.uid)
    .map(({ value }) => value)
    .filter(({ state, holder }) => state === 'attached' && holder === undefined)
  const wasGiven = (...modes: Egress[]) => running.filter(({ joinedEgress: given = before }) => modes.includes(given))
  const kept = after === 'docker' ? wasGiven('gateway', 'weft', 'none') : []
  const moved = running.filter((each) => !kept.includes(each))
  return [
    ...about(
      kept,
      `keep the way out that they have (${before}) until they are started again; only Docker makes its own`,
    ),
    ...(before === 'none' ? [] : about(moved, 'lose the connections that they have open to the outside')),
    ...(after === 'docker' ? [] : about(wasGiven('docker'), portsOfDocker(after))),
    ...(before === 'weft' && after !== 'docker'
      ? about(
          running.filter(({ ports = [] }) => ports.length > 0),
          'have their ports (docker run -p) closed',
        )
      : []),
    ...(after === 'weft'
      ? about(wasGiven('gateway', 'none'), 'get their ports (docker run -p) opened at their next start')
      : []),
  ]
}

function portsOfDocker(after: Egress): string {
  if (after === 'none') return 'have ports that Docker opened (docker run -p) closed'
  const later = after === 'weft' ? 'then Weft opens them' : 'then nothing does, but weft publish can'
  return `keep ports that Docker opened (docker run -p) until they are started again, asked by their host’s address; ${later}`
}

function about(endpoints: readonly EndpointRecord[], what: string): string[] {
  const hosts = Map.groupBy(endpoints, ({ host }) => host)
  const places = [...hosts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, those]) => `${listed(namesOf(those), MOST_NAMES)} on ${host}`)
  return places.length === 0 ? [] : [`running containers ${what}: ${places.join('; ')}`]
}

function namesOf(endpoints: readonly EndpointRecord[]): string[] {
  return endpoints.map(({ name, uid }) => name ?? uid).sort()
}
