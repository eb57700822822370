import { type NetworkView, parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { parseFilters, parseFormat } from '../flags.ts'
import { ListFlags, printList, shortId } from '../list.ts'
import type { Run } from '../spec.ts'

/** Lists networks. */
export const run: Run = async (context, { options }) => {
  const flags = parseWith(ListFlags, options, 'options')
  const filters = parseNetworkFilters(flags.filter)
  parseFormat(flags.format)
  const client = await openClient(context.connection, context.terminal)
  const networks = (await client.call('networkList', {})).filter((network) => matches(network, filters))
  networks.sort((a, b) => (a.name < b.name ? -1 : 1))
  printList(context.terminal, flags, networks, {
    id: (network) => network.uid,
    columns: [
      { title: 'NETWORK ID', value: (network) => shortId(network.uid, flags.trunc) },
      { title: 'NAME', value: (network) => network.name },
      { title: 'DRIVER', value: (network) => network.driver },
      { title: 'SUBNETS', value: (network) => network.subnets.map((subnet) => subnet.cidr).join(' ') },
      { title: 'ENDPOINTS', value: (network) => String(network.endpoints) },
    ],
  })
  return undefined
}

const KEYS = ['name', 'driver', 'label', 'id'] as const
type Filters = ReadonlyMap<(typeof KEYS)[number], string[]>

export function parseNetworkFilters(texts: readonly string[]): Filters {
  return parseFilters(texts, KEYS)
}

/** As Docker filters: name and id match a part, driver the whole, label KEY or KEY=VALUE; all labels must match. */
export function matches(network: NetworkView, filters: Filters): boolean {
  const any = (key: 'name' | 'driver' | 'id', test: (wanted: string) => boolean) => filters.get(key)?.some(test) ?? true
  return (
    any('name', (wanted) => network.name.includes(wanted)) &&
    any('id', (wanted) => network.uid.startsWith(wanted)) &&
    any('driver', (wanted) => network.driver === wanted) &&
    (filters.get('label') ?? []).every((wanted) => hasLabel(network.labels, wanted))
  )
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=')
  if (at < 0) return Object.hasOwn(labels, wanted)
  const key = wanted.slice(0, at)
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(at + 1)
}
