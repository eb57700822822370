/** Uplinks in lists: columns, filters, and what templates may ask for. */
import type { UplinkView } from '@weft/shared'
import { part, whole } from '../filters.ts'
import type { List } from '../list.ts'

export const UPLINKS: List<UplinkView> = {
  id: ({ name }) => name,
  order: (a, b) => (a.name < b.name ? -1 : 1),
  columns: [
    { title: 'UPLINK', name: 'Name', value: ({ name }) => name },
    {
      title: 'HOSTS',
      value: ({ hosts }) =>
        Object.entries(hosts)
          .map(([host, link]) => `${host}=${link}`)
          .join(' '),
    },
  ],
  filters: {
    name: part(({ name }) => name),
    host: whole(({ hosts }) => Object.keys(hosts)),
  },
}
