/** Routers in lists: columns, filters, and what templates may ask for. */
import type { RouterView } from '@weft/shared'
import { beginning, part, whole } from '../filters.ts'
import { type List, shortId } from '../list.ts'

const networksOf = ({ legs }: RouterView) => legs.map(({ network }) => network.name)

export const ROUTERS: List<RouterView> = {
  id: ({ uid }) => uid,
  order: (a, b) => (a.name < b.name ? -1 : 1),
  columns: [
    { title: 'ROUTER ID', name: 'ID', value: ({ uid }, trunc) => shortId(uid, trunc) },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'HOST', value: ({ host }) => host },
    { title: 'NETWORKS', value: (router) => networksOf(router).join(' ') },
    { title: 'SINCE', value: ({ since }) => since },
  ],
  more: {
    Generation: ({ generation }) => String(generation),
    Preferred: ({ preferred = '' }) => preferred,
    CreatedAt: ({ createdAt }) => createdAt,
  },
  filters: {
    name: part(({ name }) => name),
    id: beginning(({ uid }) => [uid]),
    host: whole(({ host }) => host),
    network: whole(networksOf),
  },
}
