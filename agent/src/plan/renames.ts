/**
 * Interfaces in sandboxes that should have another name than they have: Docker numbers them as they come (`eth0`, `eth1`, …),
 * and a driver can name the prefix only. Pure.
 */
import type { HostProblem, HostState, LocalEndpoint, Op } from '@weft/shared'

type ByNetwork = ReadonlyMap<string, readonly LocalEndpoint[]>

export function renameOps(endpoints: ByNetwork, observed: HostState): { ops: Op[]; problems: HostProblem[] } {
  const there = new Set(observed.links.map(({ netns, name }) => `${netns} ${name}`))
  const ops: Op[] = []
  const problems: HostProblem[] = []
  for (const [network, list] of endpoints) {
    for (const { attachment, ifname, name: container } of list) {
      if (ifname === undefined || attachment.phase !== 'sandbox') continue
      const { netns, name } = attachment.link
      if (name === ifname || !there.has(`${netns} ${name}`)) continue
      if (there.has(`${netns} ${ifname}`)) problems.push(taken(network, ifname, container ?? netns))
      else ops.push({ op: 'link-set', netns, name, set: { name: ifname } })
    }
  }
  return { ops, problems }
}

function taken(network: string, ifname: string, container: string): HostProblem {
  return {
    code: 'conflict',
    message: `container ${container}: its interface cannot be called ${ifname}: another one of it is`,
    network,
    remedy: 'connect it with another weft.ifname',
  }
}
