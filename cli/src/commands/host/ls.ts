import { parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { parseFormat } from '../flags.ts'
import { ListFlags, printList } from '../list.ts'
import type { Run } from '../spec.ts'

const Flags = ListFlags.omit({ filter: true })

/** Lists hosts by name. */
export const run: Run = async (context, { options }) => {
  const flags = parseWith(Flags, options, 'options')
  parseFormat(flags.format)
  const client = await openClient(context.connection, context.terminal)
  const hosts = await client.call('hostList', {})
  hosts.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }))
  printList(context.terminal, flags, hosts, {
    id: (host) => host.id,
    columns: [
      { title: 'HOST', value: (host) => host.id },
      { title: 'STATE', value: (host) => (host.alive ? 'alive' : 'silent') },
      { title: 'UNDERLAY', value: ({ facts }) => `${facts.underlay.address} (${facts.underlay.interface})` },
      { title: 'MTU', value: (host) => String(host.facts.underlay.mtu) },
      { title: 'DOCKER', value: (host) => host.facts.dockerVersion ?? 'no answer' },
      { title: 'KERNEL', value: (host) => host.facts.kernel },
      { title: 'AGENT', value: (host) => host.facts.agentVersion },
      { title: 'ENDPOINTS', value: (host) => String(host.endpoints) },
    ],
  })
  return undefined
}
