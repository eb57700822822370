import { type NetworkView, parseWith } from '@weft/shared'
import { openClient } from '../../client/open.ts'
import { note, print } from '../../output/terminal.ts'
import type { Run } from '../spec.ts'
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
    const hosts = await client.call('hostList', {})
    print(
      terminal,
      planText(
        network,
        hosts.map((host) => host.id),
      ),
    )
    note(terminal, 'dry run: nothing was changed')
    return undefined
  }
  print(terminal, network.uid)
  return await waitForHosts(context, client, network.revision, flags.wait)
}

/** What a dry run says: the network, its subnets and the hosts that would have it. */
export function planText(network: NetworkView, hosts: readonly string[]): string {
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
  return [
    `would create ${network.driver} network ${network.name} (${facts.join(', ')})`,
    ...subnets,
    ...hosts.map((host) => `  on host ${host}`),
  ].join('\n')
}
