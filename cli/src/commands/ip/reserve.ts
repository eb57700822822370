import { EndpointName, IpText, Mac, parseWith } from '@weft/shared'
import { z } from 'zod'
import { openClient } from '../../client/open.ts'
import { print } from '../../output/terminal.ts'
import { parseRef } from '../flags.ts'
import type { Run } from '../spec.ts'

const Flags = z.strictObject({ mac: z.string().optional() })

/** Reserves addresses for a container's name; prints them, one a line. */
export const run: Run = async (context, { args, options }) => {
  const flags = parseWith(Flags, options, 'options')
  const [network = '', container = '', ...ips] = args
  const ref = parseRef('network', network)
  const name = parseWith(EndpointName, container, 'container name')
  const addresses = ips.map((ip) => parseWith(IpText, ip, 'address'))
  const mac = flags.mac === undefined ? undefined : parseWith(Mac, flags.mac, 'MAC address')
  const client = await openClient(context.connection, context.terminal)
  const body = { req: context.newRequestId(), name, addresses, ...(mac === undefined ? {} : { mac }) }
  const reserved = await client.call('ipReserve', { params: { ref }, body })
  print(context.terminal, reserved.addresses.join('\n'))
  return undefined
}
