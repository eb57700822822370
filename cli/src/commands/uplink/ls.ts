import { parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { parseFormat } from '../flags.ts'
import { ListFlags, printList } from '../list.ts'
import type { Run } from '../spec.ts'

const Flags = ListFlags.omit({ filter: true })

/** Lists uplinks with their interface on each host. */
export const run: Run = async (context, { options }) => {
  const flags = parseWith(Flags, options, 'options')
  parseFormat(flags.format)
  const client = await openClient(context.connection, context.terminal)
  const uplinks = await client.call('uplinkList', {})
  uplinks.sort((a, b) => (a.name < b.name ? -1 : 1))
  printList(context.terminal, flags, uplinks, {
    id: (uplink) => uplink.name,
    columns: [
      { title: 'UPLINK', value: (uplink) => uplink.name },
      {
        title: 'HOSTS',
        value: (uplink) =>
          Object.entries(uplink.hosts)
            .map(([host, link]) => `${host}=${link}`)
            .join(' '),
      },
    ],
  })
  return undefined
}
