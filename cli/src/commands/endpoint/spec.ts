/** `weft endpoint`: the containers' interfaces, on all hosts. */
import { type GroupSpec, INSPECT_FORMAT, listOptions } from '../spec.ts'

export const endpointSpec: GroupSpec = {
  name: 'endpoint',
  summary: "Containers' interfaces on all hosts",
  examples: [{ line: 'weft endpoint ls --network mynet', does: 'who has which address, and where' }],
  commands: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'List endpoints',
      examples: [
        { line: 'weft endpoint ls', does: 'all endpoints' },
        { line: 'weft endpoint ls -f network=mynet -f host=docker1', does: 'some' },
        { line: "weft endpoint ls --format '{{.Name}} {{.Addresses}}'", does: 'by a Go template' },
      ],
      options: [
        { flags: '--network <NETWORK>', summary: 'only of this network', hint: 'networks' },
        { flags: '--host <HOST>', summary: 'only on this host', hint: 'hosts' },
        ...listOptions(['network', 'host', 'name', 'id', 'role', 'state', 'address', 'mac']),
      ],
      api: true,
      load: () => import('./ls.ts'),
    },
    {
      name: 'inspect',
      summary: 'Show endpoints (JSON array)',
      examples: [{ line: 'weft endpoint inspect web', does: 'by container name or id' }],
      arguments: [{ name: '<ENDPOINT...>', summary: 'names or ids', hint: 'endpoints' }],
      options: [INSPECT_FORMAT],
      api: true,
      load: () => import('./inspect.ts'),
    },
  ],
}
