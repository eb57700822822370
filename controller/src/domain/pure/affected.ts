/** Whose intents a change can alter: one endpoint concerns the hosts of its network, and nobody else. */
import { canonicalJson } from '@weft/shared'
import { endpointSpec } from './compile.ts'
import { publishingHosts } from './publications.ts'
import { type ClusterChange, type ClusterView, hostsOf, type RecordChange } from './view.ts'

/**
 * Hosts whose intent may differ because of the change. `view` may be from before or from after it: what the change
 * itself names is counted in, too.
 */
export function affectedHosts(view: ClusterView, change: ClusterChange): Set<string> {
  if (change.reset) return new Set(view.hosts.keys())
  return new Set(change.records.flatMap((record) => affectedBy(view, record)))
}

function affectedBy(view: ClusterView, change: RecordChange): readonly string[] {
  switch (change.kind) {
    case 'network':
    case 'subnet':
      return [...view.hosts.keys()]
    case 'endpoint': {
      const ends = [change.before?.value, change.after?.value].filter((end) => end !== undefined)
      const [first, second] = ends
      if (first !== undefined && second !== undefined && sameSpec(first, second)) return []
      return ends.flatMap((end) => [end.host, ...hostsOf(view, end.network)])
    }
    case 'facts': {
      const vteps = [change.before, change.after].map((side) => side?.value.facts.underlay.address)
      return vteps[0] === vteps[1] ? [] : [change.host, ...neighboursOf(view, change.host)]
    }
    case 'router': {
      const networks = [change.before, change.after].flatMap((side) => side?.value.networks ?? [])
      const host = view.placements.get(change.after?.value.uid ?? change.before?.value.uid ?? '')?.value.host
      return [...(host === undefined ? [] : [host]), ...networks.flatMap((network) => hostsOf(view, network))]
    }
    case 'placement': {
      const sides = [change.before?.value, change.after?.value].filter((side) => side !== undefined)
      return sides.flatMap(({ host, router }) => [
        host,
        ...(view.routers.get(router)?.value.networks ?? []).flatMap((network) => hostsOf(view, network)),
      ])
    }
    case 'publication': {
      const sides = [change.before?.value, change.after?.value].filter((side) => side !== undefined)
      return sides.flatMap((side) => publishingHosts(view, side))
    }
    case 'uplink':
    case 'host':
      return [change.host]
    case 'alive':
    // What hosts must know of it is in the records of endpoints.
    case 'reservation':
      return []
  }
}

function sameSpec(a: Parameters<typeof endpointSpec>[0], b: Parameters<typeof endpointSpec>[0]): boolean {
  return canonicalJson(endpointSpec(a)) === canonicalJson(endpointSpec(b))
}

function neighboursOf(view: ClusterView, host: string): string[] {
  return [...(view.networksOfHost.get(host) ?? [])].flatMap((network) => hostsOf(view, network))
}
