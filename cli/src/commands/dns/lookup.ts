import { parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { bad, parseFormat, parseRef } from '../flags.ts'
import { printList } from '../list.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ network: z.string().optional(), format: z.string() })
/** RFC 1035 section 2.3.4, as text. */
const MOST_CHARACTERS = 253

/** Says which running containers a name leads to; `not_found` with the name that was probably meant. */
export const run: Run = async (context, { args, options }) => {
  const flags = parseWith(Flags, options, 'options')
  parseFormat(flags.format)
  const [name = ''] = args
  if (name === '' || name.length > MOST_CHARACTERS)
    throw bad('NAME', name, `it must have 1 to ${MOST_CHARACTERS} characters`)
  const query = { network: flags.network === undefined ? undefined : parseRef('network', flags.network) }
  const client = await openClient(context.connection, context.terminal)
  const found = await client.call('dnsLookup', { params: { name }, query })
  const list = { quiet: false, trunc: true, format: flags.format }
  printList(context.terminal, list, found, {
    id: (each) => each.endpoint,
    columns: [
      { title: 'NAME', value: (each) => each.name },
      { title: 'ADDRESSES', value: (each) => each.addresses.join(' ') },
      { title: 'CONTAINER', value: (each) => each.container ?? '-' },
      { title: 'NETWORK', value: (each) => each.network },
      { title: 'HOST', value: (each) => each.host },
    ],
  })
  return undefined
}
