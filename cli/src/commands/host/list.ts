/** Hosts in lists: columns, filters, and what templates may ask for. */
import type { HostView } from '@weft/shared'
import { pairs, part, whole, word } from '../filters.ts'
import type { List } from '../list.ts'

const STATES = ['alive', 'silent']
const stateOf = ({ alive }: HostView) => (alive ? 'alive' : 'silent')

export const HOSTS: List<HostView> = {
  id: ({ id }) => id,
  order: (a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }),
  columns: [
    { title: 'HOST', name: 'Name', value: ({ id }) => id },
    { title: 'STATE', value: stateOf },
    { title: 'UNDERLAY', value: ({ facts }) => `${facts.underlay.address} (${facts.underlay.interface})` },
    { title: 'MTU', value: ({ facts }) => String(facts.underlay.mtu) },
    { title: 'DOCKER', value: ({ facts }) => facts.dockerVersion ?? 'no answer' },
    { title: 'KERNEL', value: ({ facts }) => facts.kernel },
    { title: 'AGENT', value: ({ facts }) => facts.agentVersion },
    { title: 'ENDPOINTS', value: ({ endpoints }) => String(endpoints) },
  ],
  more: {
    ID: ({ id }) => id,
    JoinedAt: ({ joinedAt }) => joinedAt,
    Uplinks: ({ uplinks }) => pairs(uplinks),
    Interfaces: ({ facts }) => facts.interfaces.map(({ name }) => name).join(','),
  },
  filters: {
    name: part(({ id }) => id),
    id: whole(({ id }) => id),
    state: word(STATES, stateOf),
    uplink: whole(({ uplinks }) => Object.keys(uplinks)),
  },
}
