import { IpText, parseWith, WeftError } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef, withFlag } from '../flags.ts'
import { changeEach } from '../network/wait.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ ip: z.string().optional(), wait: z.boolean().optional() })

/** Connects networks one by one, prints each, then waits until the hosts have followed. */
export const run: Run = async (context, { args: [router = '', ...rest], options }) => {
  const { ip, wait } = parseWith(Flags, options, 'options')
  const ref = parseRef('router', router)
  const networks = rest.map((text) => parseRef('network', text))
  const address = ip === undefined ? undefined : withFlag('--ip', () => parseWith(IpText, ip, 'address'))
  if (address !== undefined && networks.length > 1) throw oneOnly(address)
  const client = await openClient(context.connection, context.terminal)
  return await changeEach(context, client, networks, wait, async (network) => {
    const body = { req: context.newRequestId(), network, ...(address === undefined ? {} : { address }) }
    const reply = await client.call('routerConnect', { params: { ref }, body })
    print(context.terminal, network)
    return reply.revision
  })
}

function oneOnly(address: string): WeftError {
  return new WeftError('invalid', {
    what: 'one address for several networks',
    on: `--ip ${address}`,
    why: 'an address is of one network',
    remedy: 'connect the networks one by one',
  })
}
