/** What is known of the ways between hosts. */
import type { PathRecord } from './records.ts'
import type { ClusterView } from './view.ts'

/** The place of a pair in `ClusterView.paths`; the hosts in the order of their names. */
export const pathBetween = (first: string, second: string): string => `${first} ${second}`

/**
 * Paths that carry less than the interfaces at their ends, as last measured. One between addresses that a host no longer
 * has says nothing; nor does one whose ends were the limit, since those may have grown.
 */
export function narrowPaths(view: ClusterView): PathRecord[] {
  return [...view.paths.values()]
    .map(({ value }) => value)
    .filter(({ mtu, tried }) => mtu < tried)
    .filter(({ hosts, addresses }) =>
      hosts.every((host, index) => view.facts.get(host)?.value.facts.underlay.address === addresses[index]),
    )
}
