/** Containers as their endpoints tell of them: by name, id, or the beginning of an id. Pure. */
import type { EndpointRecord } from './records.ts'
import type { ClusterView } from './view.ts'

/** Docker takes any unique beginning of an id; shorter ones are taken for names. */
const SHORTEST_ID = 4

/** Whether the endpoint is of the container that is meant. */
export function isOfContainer({ name, containerId = '' }: EndpointRecord, ref: string): boolean {
  return name === ref || (ref.length >= SHORTEST_ID && containerId.startsWith(ref))
}

/** The hosts that have it. */
export function containerHosts(view: ClusterView, ref: string): string[] {
  const hosts = new Set<string>()
  for (const { value } of view.endpoints.values()) if (isOfContainer(value, ref)) hosts.add(value.host)
  return [...hosts].sort()
}
