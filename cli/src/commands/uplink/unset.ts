import { WeftError } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { forEach } from '../each.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'

/** Forgets an uplink on the hosts given, or on all that have it; prints each. Throws `not_found` when none has it. */
export const run: Run = async (context, { args }) => {
  const [first = '', ...rest] = args
  const name = parseRef('uplink', first)
  const given = rest.map((host) => parseRef('host', host))
  const client = await openClient(context.connection, context.terminal)
  const uplink = (await client.call('uplinkList', {})).find((each) => each.name === name)
  const hosts = given.length > 0 ? given : Object.keys(uplink?.hosts ?? {})
  if (hosts.length === 0)
    throw new WeftError('not_found', { what: 'no such uplink', on: name, remedy: 'see what there is: weft uplink ls' })
  return await forEach(context, hosts, async (host) => {
    const req = context.newRequestId()
    await client.call('uplinkSet', { params: { name, host }, body: { req, interface: null } })
    print(context.terminal, host)
  })
}
