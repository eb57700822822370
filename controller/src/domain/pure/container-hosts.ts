/** On which hosts a container is, as far as its endpoints tell: by name, id, or the beginning of an id. Pure. */
import type { ClusterView } from './view.ts'

/** Docker takes any unique beginning of an id; shorter ones are taken for names. */
const SHORTEST_ID = 4

export function containerHosts(view: ClusterView, ref: string): string[] {
  const hosts = new Set<string>()
  for (const { value } of view.endpoints.values()) {
    const { name, containerId = '', host } = value
    if (name === ref || (ref.length >= SHORTEST_ID && containerId.startsWith(ref))) hosts.add(host)
  }
  return [...hosts].sort()
}
