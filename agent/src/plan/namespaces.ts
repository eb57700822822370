/** Namespaces of routers: a missing one is made, one that is not set up is set up again, one that nobody wants goes. */
import type { HostState, Op } from '@weft/shared'

export function namespaceOps(desired: HostState, observed: HostState): { add: Op[]; remove: Op[] } {
  const seen = new Map(observed.namespaces.map((each) => [each.netns, each]))
  const wanted = new Set(desired.namespaces.map(({ netns }) => netns))
  const add = desired.namespaces.filter(({ netns, forwarding }) => seen.get(netns)?.forwarding !== forwarding)
  const gone = [...seen.keys()].filter((netns) => !wanted.has(netns)).sort()
  return {
    add: add.map((namespace) => ({ op: 'netns-add', namespace })),
    remove: gone.map((netns) => ({ op: 'netns-delete', netns })),
  }
}
