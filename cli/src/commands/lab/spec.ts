/** `weft lab`: Docker hosts in namespaces on this one machine. */
import type { GroupSpec, OptionSpec } from '../spec.ts'

const NAME: OptionSpec = { flags: '--name <LAB>', summary: 'lab; default, or the only one that is up' }

export const labSpec: GroupSpec = {
  name: 'lab',
  summary: 'Docker hosts in network namespaces on this machine, to try Weft on',
  examples: [
    { line: 'weft lab up', does: 'docker1 and docker2, until Ctrl-C' },
    { line: 'weft lab exec docker1 -- docker ps', does: 'a command as on docker1' },
  ],
  commands: [
    {
      name: 'up',
      summary: 'Bring a lab up; Ctrl-C takes it down',
      examples: [
        { line: 'weft lab up', does: 'two hosts, until Ctrl-C' },
        { line: 'weft lab up --hosts 4 --detach', does: 'four hosts; it stays up until weft lab down' },
        { line: 'weft lab up --once', does: 'run the scenario, print its checks, take all down' },
      ],
      options: [
        { flags: '--hosts <N>', summary: 'number of Docker hosts', default: '2' },
        { flags: '--detach', summary: 'leave it running' },
        { flags: '--once', summary: 'run the scenario instead; exit 0 only if every check held' },
        { flags: '--name <LAB>', summary: 'name of the lab; several run side by side', default: 'default' },
        {
          flags: '--engine <VERSION>',
          summary: "Docker engine from newer Debian packages; the machine's own when left out",
          hint: ['26', '28'],
        },
        { flags: '--mtu <BYTES>', summary: 'MTU of the underlay', default: '1500' },
      ],
      load: () => import('./up.ts'),
    },
    {
      name: 'exec',
      summary: 'Run a command as on a lab host, with this terminal and its exit code',
      examples: [
        { line: 'weft lab exec docker1 -- docker ps', does: "that host's Docker" },
        { line: 'weft lab exec docker2 -- bash', does: 'a shell there' },
        { line: 'weft lab exec controller -- weft status', does: 'beside the controller' },
      ],
      arguments: [
        { name: '<HOST>', summary: 'docker1, docker2, … or controller', hint: 'lab-hosts' },
        { name: '<COMMAND...>', summary: 'the command and its arguments, after --' },
      ],
      options: [NAME],
      passThrough: 'after-arguments',
      load: () => import('./exec.ts'),
    },
    {
      name: 'down',
      summary: 'Take a lab down, whatever is left of it',
      examples: [
        { line: 'weft lab down', does: 'the lab called default' },
        { line: 'weft lab down --name bench', does: 'another' },
      ],
      options: [{ flags: '--name <LAB>', summary: 'name of the lab', default: 'default' }],
      load: () => import('./down.ts'),
    },
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'List the labs that are up, and their hosts',
      examples: [{ line: 'weft lab ls', does: 'hosts, addresses and Docker sockets' }],
      options: [
        { flags: '-q, --quiet', summary: 'only names of labs' },
        {
          flags: '--format <FORMAT>',
          summary: 'table, or json: one array',
          default: 'table',
          hint: ['table', 'json'],
        },
      ],
      load: () => import('./ls.ts'),
    },
  ],
}
