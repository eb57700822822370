/** Networks in lists: columns, filters, and what templates may ask for. */
import type { NetworkView } from '@weft/shared'
import { beginning, labelled, pairs, part, whole, word } from '../filters.ts'
import { type List, shortId } from '../list.ts'

/** Fields under Docker's names, and Weft's own beside them. */
export const NETWORKS: List<NetworkView> = {
  id: ({ uid }) => uid,
  order: (a, b) => (a.name < b.name ? -1 : 1),
  columns: [
    { title: 'NETWORK ID', name: 'ID', value: ({ uid }, trunc) => shortId(uid, trunc) },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'DRIVER', value: ({ driver }) => driver },
    { title: 'SUBNETS', value: ({ subnets }) => subnets.map(({ cidr }) => cidr).join(' ') },
    { title: 'ENDPOINTS', value: ({ endpoints }) => String(endpoints) },
  ],
  more: {
    Scope: () => 'global',
    IPv4: ({ subnets }) => String(subnets.some(({ cidr }) => !cidr.includes(':'))),
    IPv6: ({ subnets }) => String(subnets.some(({ cidr }) => cidr.includes(':'))),
    Internal: ({ internal }) => String(internal),
    CreatedAt: ({ createdAt }) => createdAt,
    Labels: ({ labels }) => pairs(labels),
    Egress: ({ egress }) => egress,
    Mtu: ({ mtu = '' }) => String(mtu),
    Vni: ({ vni = '' }) => String(vni),
  },
  methods: { Label: ({ labels }, key) => (Object.hasOwn(labels, key) ? (labels[key] ?? '') : '') },
  filters: {
    name: part(({ name }) => name),
    driver: whole(({ driver }) => driver),
    label: labelled(({ labels }) => labels),
    id: beginning(({ uid }) => uid),
    scope: word(['global', 'local', 'swarm'], () => 'global'),
    dangling: word(['true', 'false'], ({ endpoints }) => String(endpoints === 0)),
  },
}
