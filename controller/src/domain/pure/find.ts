/** From what a person writes to the record that he means. */
import { listed, WeftError } from '@weft/shared'
import type { EndpointRecord, HostRecord, NetworkRecord, RouterRecord, Stored } from './records.ts'
import type { ClusterView } from './view.ts'

/** Shortest beginning of a uid that is taken for one. */
const SHORTEST_PREFIX = 4

/** By name, uid or unique beginning of a uid. Throws `not_found`, or `conflict` when several begin so. */
export function networkByRef(view: ClusterView, ref: string): Stored<NetworkRecord> {
  return namedByRef('network', view.networks, ref)
}

/** As {@link networkByRef}. */
export function routerByRef(view: ClusterView, ref: string): Stored<RouterRecord> {
  return namedByRef('router', view.routers, ref)
}

function namedByRef<T extends { readonly uid: string; readonly name: string }>(
  kind: string,
  records: ReadonlyMap<string, Stored<T>>,
  ref: string,
): Stored<T> {
  const all = [...records.values()]
  const found =
    all.find(({ value }) => value.name === ref) ??
    records.get(ref) ??
    onlyOne(
      kind,
      ref,
      all.filter(({ value }) => begins(value.uid, ref)),
    )
  if (found !== undefined) return found
  throw missing(kind, ref, all.map(({ value }) => value.name).sort(), `weft ${kind} ls`)
}

/** By uid or unique beginning of one, container name, or beginning of a container id. */
export function endpointByRef(view: ClusterView, ref: string): Stored<EndpointRecord> {
  const direct = view.endpoints.get(ref)
  if (direct !== undefined) return direct
  const matching = [...view.endpoints.values()].filter(
    ({ value }) => value.name === ref || begins(value.uid, ref) || begins(value.containerId ?? '', ref),
  )
  const found = onlyOne('endpoint', ref, matching)
  if (found !== undefined) return found
  throw missing('endpoint', ref, [], 'weft endpoint ls')
}

/** By id. */
export function hostByRef(view: ClusterView, ref: string): Stored<HostRecord> {
  const found = view.hosts.get(ref)
  if (found !== undefined) return found
  throw missing('host', ref, [...view.hosts.keys()].sort(), 'weft host ls')
}

function begins(id: string, ref: string): boolean {
  return ref.length >= SHORTEST_PREFIX && id.startsWith(ref)
}

function onlyOne<T extends { readonly uid: string }>(
  kind: string,
  ref: string,
  matching: readonly Stored<T>[],
): Stored<T> | undefined {
  if (matching.length < 2) return matching[0]
  const uids = matching.map(({ value }) => value.uid)
  throw new WeftError('conflict', {
    what: `more than one ${kind} is meant`,
    on: ref,
    why: listed(uids, 5),
    remedy: 'write more of the id',
  })
}

function missing(kind: string, ref: string, known: readonly string[], list: string): WeftError {
  return new WeftError('not_found', {
    what: `no such ${kind}`,
    on: ref,
    ...(known.length === 0 ? {} : { why: `there is ${listed(known, 10)}` }),
    remedy: `see ${list}`,
  })
}
