import { parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { ListFlags, prepareList } from '../list.ts'
import type { Run } from '../spec.ts'
import { ROUTERS } from './list.ts'

/** Lists routers by name. */
export const run: Run = async (context, { options }) => {
  const show = prepareList(parseWith(ListFlags, options, 'options'), ROUTERS)
  const client = await openClient(context.connection, context.terminal)
  print(context.terminal, show(await client.call('routerList', {})))
  return undefined
}
