/** `weft endpoint`: the containers' interfaces, on all hosts. */
import { type GroupSpec, LIST_OPTIONS } from '../spec.ts'

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
        { line: 'weft endpoint ls --network mynet --host docker1', does: 'some' },
      ],
      options: [
        { flags: '--network <NETWORK>', summary: 'only of this network', hint: 'networks' },
        { flags: '--host <HOST>', summary: 'only on this host', hint: 'hosts' },
        ...LIST_OPTIONS,
      ],
      api: true,
      load: () => import('./ls.ts'),
    },
    {
      name: 'inspect',
      summary: 'Show endpoints (JSON array)',
      examples: [{ line: 'weft endpoint inspect web', does: 'by container name or id' }],
      arguments: [{ name: '<ENDPOINT...>', summary: 'names or ids', hint: 'endpoints' }],
      api: true,
      load: () => import('./inspect.ts'),
    },
  ],
}
