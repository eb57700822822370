/** `weft uplink`: one name for NICs that each host calls differently. */
import { type GroupSpec, listOptions } from '../spec.ts'

export const uplinkSpec: GroupSpec = {
  name: 'uplink',
  summary: 'Logical names for NICs that each host calls differently',
  examples: [
    { line: 'weft uplink set storage docker1=eth1 docker2=enp7s0', does: 'name them' },
    { line: 'weft network create -d macvlan -o parent=@storage.100 --subnet 20.0.0.0/24 lan', does: 'use the name' },
  ],
  commands: [
    {
      name: 'set',
      summary: 'Say which interface an uplink is on which host',
      examples: [{ line: 'weft uplink set storage docker1=eth1 docker2=enp7s0', does: 'two hosts' }],
      arguments: [
        { name: '<UPLINK>', summary: 'the logical name', hint: 'uplinks' },
        { name: '<HOST=INTERFACE...>', summary: 'one for each host' },
      ],
      api: true,
      load: () => import('./set.ts'),
    },
    {
      name: 'unset',
      summary: 'Forget an uplink on some hosts, or on all',
      examples: [
        { line: 'weft uplink unset storage docker2', does: 'on one host' },
        { line: 'weft uplink unset storage', does: 'on all hosts' },
      ],
      arguments: [
        { name: '<UPLINK>', summary: 'the logical name', hint: 'uplinks' },
        { name: '[HOST...]', summary: 'hosts; all when none is given', hint: 'hosts' },
      ],
      api: true,
      load: () => import('./unset.ts'),
    },
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'List uplinks',
      examples: [{ line: 'weft uplink ls', does: 'names, hosts and interfaces' }],
      options: listOptions(['name', 'host']),
      api: true,
      load: () => import('./ls.ts'),
    },
  ],
}
