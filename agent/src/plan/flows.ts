/** UDP ports of the host that from now on lead elsewhere: flows under way must not go on as before (kernel/flows.ts). */
import type { HostState, NftTable, Op } from '@weft/shared'
import { isPublishTable } from './publish-table.ts'

export function flowOps(desired: HostState, observed: HostState): Op[] {
  const [wanted, seen] = [udpTargets(desired), udpTargets(observed)]
  const changed = [...wanted.keys(), ...seen.keys()].filter((key) => wanted.get(key) !== seen.get(key))
  const ports = new Set(changed.map((key) => Number(key.split(' . ').at(-1))))
  return ports.size === 0 ? [] : [{ op: 'flows-forget', protocol: 'udp', ports: [...ports].sort((a, b) => a - b) }]
}

/** What each UDP element of the maps leads to. */
function udpTargets({ nftTables }: HostState): Map<string, string> {
  const elements = nftTables.filter(isPublishTable).flatMap(({ sets }: NftTable) =>
    sets.flatMap(({ name, elements }) =>
      elements.map((element) => {
        const [key = '', target = ''] = element.split(' : ')
        return [`${name} . ${key}`, target] as const
      }),
    ),
  )
  return new Map(elements.filter(([key]) => key.includes(' udp . ')))
}
