/** `weft dns`: names as containers hear them. */
import { FORMAT_OPTION, type GroupSpec } from '../spec.ts'

export const dnsSpec: GroupSpec = {
  name: 'dns',
  summary: 'Names as containers hear them',
  examples: [{ line: 'weft dns lookup web', does: 'addresses, container and host behind a name' }],
  commands: [
    {
      name: 'lookup',
      summary: 'Show where a name leads: container name, alias, short id, NAME.NETWORK, or an address',
      examples: [
        { line: 'weft dns lookup web', does: 'in all networks' },
        { line: 'weft dns lookup db --network mynet', does: 'in one network' },
        { line: 'weft dns lookup 10.20.0.7', does: 'who has an address' },
      ],
      arguments: [{ name: '<NAME>', summary: 'a name or an address', hint: 'endpoints' }],
      options: [{ flags: '--network <NETWORK>', summary: 'only in this network', hint: 'networks' }, FORMAT_OPTION],
      api: true,
      load: () => import('./lookup.ts'),
    },
  ],
}
