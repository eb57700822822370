import { InterfaceName, Name, parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import { parsePairs, parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'

/** Sets an uplink host by host; prints HOST=INTERFACE for each that was set. */
export const run: Run = async (context, { args }) => {
  const [first = '', ...rest] = args
  const name = parseWith(Name, first, 'uplink name')
  const pairs = Object.entries(parsePairs('HOST=INTERFACE', rest, 'docker1=eth1')).map(([host, text]) => ({
    host: parseRef('host', host),
    interface: parseWith(InterfaceName, text, `interface of ${host}`),
  }))
  const client = await openClient(context.connection, context.terminal)
  return await forEach(context, pairs, async ({ host, interface: link }) => {
    const req = context.newRequestId()
    await client.call('uplinkSet', { params: { name, host }, body: { req, interface: link } })
    print(context.terminal, `${host}=${link}`)
  })
}
