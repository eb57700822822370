/** Endpoints in lists: columns, filters, and what templates may ask for. */
import { type EndpointView, formatPublication } from '@weft/shared'
import { beginning, part, whole } from '../filters.ts'
import { type List, shortId } from '../list.ts'

const place = ({ network, name = '', uid }: EndpointView) => `${network.name} ${name} ${uid}`

/** Of what is no container's: what it is. */
function nameOf({ name, role, router }: EndpointView): string {
  if (role === 'shim') return 'host shim'
  return role === 'router' ? `router ${router ?? '-'}` : (name ?? '-')
}

/** With the way out that it keeps until its container is started again. */
function stateOf({ state, egress }: EndpointView): string {
  return egress === undefined ? state : `${state}, still egress=${egress}`
}

export const ENDPOINTS: List<EndpointView> = {
  id: ({ uid }) => uid,
  order: (a, b) => (place(a) < place(b) ? -1 : 1),
  columns: [
    { title: 'ENDPOINT ID', name: 'ID', value: ({ uid }, trunc) => shortId(uid, trunc) },
    { title: 'NAME', value: nameOf },
    { title: 'NETWORK', value: ({ network }) => network.name },
    { title: 'HOST', value: ({ host }) => host },
    { title: 'ADDRESSES', value: ({ addresses }) => addresses.join(' ') },
    { title: 'MAC', value: ({ mac }) => mac },
    { title: 'STATE', value: stateOf },
    { title: 'PORTS', value: ({ ports = [] }) => ports.map(formatPublication).join(', ') || '-' },
  ],
  more: {
    Aliases: ({ aliases }) => aliases.join(','),
    Container: ({ containerId = '' }) => containerId,
    CreatedAt: ({ createdAt }) => createdAt,
    Egress: ({ egress = '' }) => egress,
    NetworkID: ({ network }) => network.uid,
  },
  filters: {
    network: { match: ({ network }, wanted) => network.name === wanted || network.uid.startsWith(wanted) },
    host: whole(({ host }) => host),
    name: part(({ name = '' }) => name),
    id: beginning(({ uid, containerId }) => [uid, ...(containerId === undefined ? [] : [containerId])]),
    role: whole(({ role }) => role ?? 'container'),
    state: whole(({ state }) => state),
    address: whole(({ addresses }) => addresses),
    mac: whole(({ mac }) => mac),
  },
}
