/** Addresses of a network in lists: columns, filters, and what templates may ask for. */
import type { AddressView } from '@weft/shared'
import { formatMs } from '../../output/time.ts'
import { part, whole } from '../filters.ts'
import type { List } from '../list.ts'

/** In the order of the plan. */
export function addressesAt(nowMs: number): List<AddressView> {
  return {
    id: ({ address }) => address,
    columns: [
      { title: 'ADDRESS', value: ({ address }) => address },
      { title: 'STATE', value: ({ state }) => state },
      { title: 'HOLDER', value: ({ holder, endpoint }) => holder ?? endpoint ?? '-' },
      { title: 'HOST', value: ({ host }) => host ?? '-' },
      { title: 'RESERVED FOR', value: ({ reservedFor }) => reservedFor ?? '-' },
      { title: 'MAC', value: ({ mac }) => mac ?? '-' },
      { title: 'SINCE', value: (row) => sinceText(row, nowMs) },
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
}

function sinceText({ since, until }: AddressView, nowMs: number): string {
  if (since !== undefined) return `${formatMs(nowMs - Date.parse(since))} ago`
  return until === undefined ? '-' : `until ${until}`
}
