import { parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import { ListFlags, prepareList } from '../list.ts'
import type { Run } from '../spec.ts'
import { ADDRESSES } from './list.ts'

/** Lists the addresses of a network that are not free, in order. */
export const run: Run = async (context, { args, options }) => {
  const show = prepareList(parseWith(ListFlags, options, 'options'), ADDRESSES)
  const ref = parseRef('network', args[0] ?? '')
  const client = await openClient(context.connection, context.terminal)
  print(context.terminal, show(await client.call('ipList', { params: { ref } })))
  return undefined
}
