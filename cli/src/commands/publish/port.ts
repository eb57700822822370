import { formatPublication, type PublicationView, parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { type List, ListFlags, prepareList, shortId } from '../list.ts'
import type { Run } from '../spec.ts'

const PORTS: List<PublicationView> = {
  id: ({ uid }) => uid,
  columns: [
    { title: 'PORT ID', name: 'ID', value: ({ uid }, trunc) => shortId(uid, trunc) },
    { title: 'CONTAINER', value: ({ container }) => container },
    { title: 'NETWORK', value: ({ network }) => network.name },
    { title: 'PORT', value: formatPublication },
    {
      title: 'ON',
      value: ({ on }) => (Array.isArray(on) ? on.join(' ') : on === 'all' ? 'all hosts' : 'its own host'),
    },
    { title: 'LEADS TO', name: 'Target', value: targetText },
  ],
  filters: {
    network: { match: ({ network }, wanted) => network.name === wanted || network.uid.startsWith(wanted) },
    container: { match: ({ container }, wanted) => container === wanted },
    id: { match: ({ uid }, wanted) => uid.startsWith(wanted) },
  },
}

/** Lists published ports, by network, container and port. */
export const run: Run = async (context, { args: [container], options }) => {
  const flags = parseWith(ListFlags, options, 'options')
  const show = prepareList(flags, PORTS)
  const only = container === undefined ? undefined : parseRef('endpoint', container)
  const client = await openClient(context.connection, context.terminal)
  const all = await client.call('publicationList', { query: {} })
  print(context.terminal, show(all.filter((each) => only === undefined || each.container === only)))
  return undefined
}

function targetText({ target }: PublicationView): string {
  return target === undefined ? '-' : `${target.addresses.join(' ')} on ${target.host}`
}
