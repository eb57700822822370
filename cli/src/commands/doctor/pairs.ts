/** Which pairs of hosts probe each other. Pure. */

export type Pair = readonly [string, string]

/** As many pairs without being asked for more: a few seconds' work. */
export const MOST_PAIRS_UNASKED = 16

/**
 * Pairs of which at least one host is among `wanted`, each once, in the order of names. Without `every` at most
 * {@link MOST_PAIRS_UNASKED}: each wanted host with the next, then with the one after that, so that every host is in some.
 */
export function choosePairs(hosts: readonly string[], wanted: readonly string[], every: boolean): Pair[] {
  const sorted = [...hosts].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const chosen = new Map<string, Pair>()
  for (let distance = 1; distance <= sorted.length / 2; distance++) {
    for (const [index, host] of sorted.entries()) {
      const other = sorted[(index + distance) % sorted.length] ?? host
      if (other === host || !(wanted.includes(host) || wanted.includes(other))) continue
      const [first, second] = sorted.indexOf(host) < sorted.indexOf(other) ? [host, other] : [other, host]
      if (!every && chosen.size >= MOST_PAIRS_UNASKED) return [...chosen.values()]
      chosen.set(`${first} ${second}`, [first, second])
    }
  }
  return [...chosen.values()]
}

/** How many pairs there would be with `every`. */
export function countPairs(hosts: readonly string[], wanted: readonly string[]): number {
  const rest = hosts.length - wanted.length
  return (wanted.length * (wanted.length - 1)) / 2 + wanted.length * rest
}
