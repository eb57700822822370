import { parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { ListFlags, prepareList } from '../list.ts'
import type { Run } from '../spec.ts'
import { NETWORKS } from './list.ts'

/** Lists networks by name. */
export const run: Run = async (context, { options }) => {
  const show = prepareList(parseWith(ListFlags, options, 'options'), NETWORKS)
  const client = await openClient(context.connection, context.terminal)
  print(context.terminal, show(await client.call('networkList', {})))
  return undefined
}
