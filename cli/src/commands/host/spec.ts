/** `weft host`: the Docker hosts of the cluster. */
import { type GroupSpec, INSPECT_FORMAT, listOptions } from '../spec.ts'

export const hostSpec: GroupSpec = {
  name: 'host',
  summary: 'Docker hosts of the cluster',
  examples: [{ line: 'weft host ls', does: 'which hosts there are and whether they report' }],
  commands: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'List hosts',
      examples: [
        { line: 'weft host ls', does: 'all hosts' },
        { line: 'weft host ls -f state=silent', does: 'those that do not report' },
        { line: 'weft host ls --format json', does: 'with every interface and route' },
      ],
      options: listOptions(['name', 'id', 'state', 'uplink']),
      api: true,
      load: () => import('./ls.ts'),
    },
    {
      name: 'inspect',
      summary: 'Show hosts with their interfaces, routes and uplinks (JSON array)',
      examples: [{ line: 'weft host inspect docker1', does: 'one host' }],
      arguments: [{ name: '<HOST...>', summary: 'names', hint: 'hosts' }],
      options: [INSPECT_FORMAT],
      api: true,
      load: () => import('./inspect.ts'),
    },
    {
      name: 'allow-removals',
      summary: 'Let a host follow an intent that removes many of its endpoints at once',
      examples: [{ line: 'weft host allow-removals docker1', does: 'after weft status says that it refuses one' }],
      details:
        'An agent refuses a snapshot that takes away more than 30 % of its endpoints: etcd may have been damaged.',
      arguments: [{ name: '<HOST>', summary: 'name', hint: 'hosts' }],
      api: true,
      load: () => import('./allow-removals.ts'),
    },
    {
      name: 'rm',
      aliases: ['remove'],
      summary: 'Take silent hosts out of the cluster',
      details:
        'A host that reports is refused: take it out there, with weft leave. Of a host that cannot be asked nobody knows whether its containers go on: with --force their addresses rest for a while and are then given to others.',
      examples: [
        { line: 'weft host rm docker3', does: 'a host that has left and has no containers on Weft networks' },
        {
          line: 'weft host rm --force docker3',
          does: 'a machine that is gone for good, with the addresses that it held',
        },
      ],
      arguments: [{ name: '<HOST...>', summary: 'names', hint: 'hosts' }],
      options: [{ flags: '--force', summary: 'also a host whose containers have addresses; be sure that it is off' }],
      api: true,
      load: () => import('./rm.ts'),
    },
  ],
}
