/** Maps of maps: made when first needed, gone when empty. */

/** Puts a value into a map of maps, or takes it out; undefined when there was and is none. */
export function swapIn<V>(
  maps: Map<string, Map<string, V>>,
  outer: string,
  inner: string,
  after: V | undefined,
): { before?: V; after?: V } | undefined {
  const map = upsert(maps, outer, () => new Map<string, V>())
  const before = map.get(inner)
  if (after === undefined) map.delete(inner)
  else map.set(inner, after)
  if (map.size === 0) maps.delete(outer)
  if (before === undefined && after === undefined) return undefined
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }
}

export function upsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}
