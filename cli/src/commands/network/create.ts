import { type NetworkView, parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { note, print } from '../../output/terminal.ts'
import type { Run } from '../spec.ts'
import { hostLines } from './hosts.ts'
import { CreateFlags, createRequest } from './request.ts'
import { waitForHosts } from './wait.ts'

/** Creates a network, prints its id, waits for the hosts. */
export const run: Run = async (context, { args, options }) => {
  const { terminal } = context
  const flags = parseWith(CreateFlags, options, 'options')
  const request = createRequest(args[0] ?? '', flags, context.newRequestId())
  const client = await openClient(context.connection, terminal)
  const network = await client.call('networkCreate', { body: request })
  for (const warning of network.warnings) note(terminal, `warning: ${warning}`)
  if (flags.dryRun) {
    print(terminal, [planText(network), ...(await hostLines(client))].join('\n'))
    note(terminal, 'dry run: nothing was changed')
    return undefined
  }
  print(terminal, network.uid)
  return await waitForHosts(context, client, network.revision, flags.wait)
}

/** What a dry run says: the network and its subnets. */
export function planText(network: NetworkView): string {
  const facts = [
    network.vni === undefined ? [] : [`VNI ${network.vni}`],
    network.mtu === undefined ? [] : [`MTU ${network.mtu}`],
    [network.internal ? 'internal' : `egress ${network.egress}`],
  ].flat()
  const subnets = network.subnets.map((subnet) => {
    const gateway = subnet.gateway === undefined ? 'no gateway' : `gateway ${subnet.gateway}`
    const range = subnet.ipRange === undefined ? '' : `, range ${subnet.ipRange}`
    return `  subnet ${subnet.cidr}: ${gateway}${range}, ${subnet.usable} addresses`
  })
  return [`would create ${network.driver} network ${network.name} (${facts.join(', ')})`, ...subnets].join('\n')
}
