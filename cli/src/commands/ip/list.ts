/** Addresses of a network in lists: columns, filters, and what templates may ask for. */
import type { AddressView } from '@weft/shared'
import { part, whole } from '../filters.ts'
import type { List } from '../list.ts'

/** In the order of the plan. */
export const ADDRESSES: List<AddressView> = {
  id: ({ address }) => address,
  columns: [
    { title: 'ADDRESS', value: ({ address }) => address },
    { title: 'STATE', value: ({ state }) => state },
    { title: 'HOLDER', value: ({ holder, endpoint }) => holder ?? endpoint ?? '-' },
    { title: 'HOST', value: ({ host }) => host ?? '-' },
    { title: 'RESERVED FOR', value: ({ reservedFor }) => reservedFor ?? '-' },
    { title: 'MAC', value: ({ mac }) => mac ?? '-' },
    { title: 'SINCE', value: sinceText },
  ],
  more: {
    Subnet: ({ subnet }) => subnet,
    EndpointID: ({ endpoint = '' }) => endpoint,
    CreatedAt: ({ since = '' }) => since,
  },
  filters: {
    state: whole(({ state }) => state),
    name: part(({ holder = '', reservedFor = '' }) => `${holder} ${reservedFor}`),
    host: whole(({ host = '' }) => host),
  },
}

/** To the second, in UTC. */
function sinceText({ since, until }: AddressView): string {
  const text = (time: string) => time.replace(/\.\d+Z$/, 'Z')
  if (since !== undefined) return text(since)
  return until === undefined ? '-' : `until ${text(until)}`
}
