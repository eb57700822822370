/** `weft router`: networks that reach each other through a host that Weft chooses. */
import { NO_WAIT, WAIT } from '../network/spec.ts'
import { type GroupSpec, INSPECT_FORMAT, listOptions } from '../spec.ts'

const ROUTER = { name: '<ROUTER>', summary: 'name or id', hint: 'routers' } as const
const NETWORKS = { name: '<NETWORK...>', summary: 'names or ids', hint: 'networks' } as const

export const routerSpec: GroupSpec = {
  name: 'router',
  summary: 'Routers: let networks of any driver reach each other',
  examples: [
    { line: 'weft router create r1', does: 'a router, on a host of Weft’s choice' },
    { line: 'weft router connect r1 mynet lan', does: 'mynet and lan reach each other' },
    { line: 'weft router inspect r1', does: 'who carries it, with which addresses, and which pairs it allows' },
  ],
  commands: [
    {
      name: 'create',
      summary: 'Create a router; prints its id',
      examples: [
        { line: 'weft router create r1', does: 'on a host of Weft’s choice' },
        { line: 'weft router create --host docker2 r1', does: 'on docker2 while that one lives' },
      ],
      arguments: [{ name: '<NAME>', summary: '1 to 63 of a-z, 0-9 and -' }],
      options: [
        { flags: '--host <HOST>', summary: 'the host that it is to be on while that one lives', hint: 'hosts' },
      ],
      api: true,
      load: () => import('./create.ts'),
    },
    {
      name: 'connect',
      summary: 'Connect networks with all others of the router',
      examples: [
        { line: 'weft router connect r1 mynet lan', does: 'two networks' },
        {
          line: 'weft router connect --ip 20.0.0.1 r1 lan',
          does: 'with an address of your choice: the gateway’s, if nobody else answers there',
        },
      ],
      details:
        'Containers get a route to each other network by themselves. The router has the subnet’s gateway address where nobody else can have it, else the next free one.',
      arguments: [ROUTER, NETWORKS],
      options: [
        { flags: '--ip <IP>', summary: 'address of the router in the network; with one network only' },
        WAIT,
        NO_WAIT,
      ],
      api: true,
      load: () => import('./connect.ts'),
    },
    {
      name: 'disconnect',
      summary: 'Part networks from the others of the router',
      examples: [{ line: 'weft router disconnect r1 lan', does: 'lan is isolated again' }],
      arguments: [ROUTER, NETWORKS],
      options: [WAIT, NO_WAIT],
      api: true,
      load: () => import('./disconnect.ts'),
    },
    {
      name: 'move',
      summary: 'Move a router to another host',
      examples: [
        { line: 'weft router move r1 docker2', does: 'to docker2, which it prefers from then on' },
        { line: 'weft router move r1', does: 'away from the host that carries it, before work on that one' },
      ],
      arguments: [ROUTER, { name: '[HOST]', summary: 'any other when none is given', hint: 'hosts' }],
      options: [WAIT, NO_WAIT],
      api: true,
      load: () => import('./move.ts'),
    },
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'List routers',
      examples: [{ line: 'weft router ls', does: 'all routers, their hosts and networks' }],
      options: listOptions(['name', 'id', 'host', 'network']),
      api: true,
      load: () => import('./ls.ts'),
    },
    {
      name: 'inspect',
      summary: 'Show routers with their legs and the pairs that they allow (JSON array)',
      examples: [
        { line: 'weft router inspect r1', does: 'one router' },
        { line: "weft router inspect -f '{{.Host}}' r1", does: 'the host that carries it' },
      ],
      arguments: [{ name: '<ROUTER...>', summary: 'names or ids', hint: 'routers' }],
      options: [INSPECT_FORMAT],
      api: true,
      load: () => import('./inspect.ts'),
    },
    {
      name: 'rm',
      aliases: ['remove'],
      summary: 'Remove routers; their networks are isolated again',
      examples: [{ line: 'weft router rm r1', does: 'one router' }],
      arguments: [{ name: '<ROUTER...>', summary: 'names or ids', hint: 'routers' }],
      options: [WAIT, NO_WAIT],
      api: true,
      load: () => import('./rm.ts'),
    },
  ],
}
